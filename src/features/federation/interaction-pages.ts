import type Router from '@koa/router';
import type { Context } from 'koa';
import { epochSeconds } from '../../foundation/clock.ts';
import { doorState, seeOther } from '../../foundation/http/door.ts';
import { formActionSource } from '../../foundation/http/security-headers.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { AuditEvent, By } from '../audit/module.ts';
import type { Devices } from '../devices/module.ts';
import {
  currentUnit,
  type Interaction,
  type Interactions,
  interactionSeconds,
  multiFactor,
  requireUnit,
  singleFactor,
  vouchedOnlyReason,
} from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { Throttle } from '../throttle/module.ts';
import type { Arrival } from './arrival.ts';
import type { Wishes } from './ask-provider.ts';
import type { Attempt, AttemptProblem } from './attempt.ts';
import { backFrom, type CallbackParts, tellRefusal } from './callback-pages.ts';
import type { Connect } from './connect.ts';
import { federationBusy } from './errors.ts';
import { type FreshnessParts, isSilent, mayPass, provedWhen } from './freshness.ts';
import { showLeaving } from './leaving-pages.ts';
import type { Offered } from './offered.ts';
import type { Provider } from './provider.ts';
import type { createSetOut } from './set-out.ts';
import type { FederatedSignInStore } from './sign-ins/store.ts';
import { writeWayCookie } from './way-cookie.ts';
import type { createWelcome, Welcome } from './welcome.ts';

export interface InteractionPagesParts extends CallbackParts, FreshnessParts {
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly views: Views;
  readonly interactions: Interactions;
  readonly devices: Pick<Devices, 'known'>;
  readonly throttle: Throttle;
  readonly connect: Pick<Connect, 'originOf'>;
  readonly setOut: ReturnType<typeof createSetOut>;
  readonly signIns: Pick<FederatedSignInStore, 'forget' | 'file'>;
  readonly welcome: ReturnType<typeof createWelcome>;
  /** Which of the providers a sign-in may use. */
  readonly offered: Offered;
  /** Leads who is about to leave to the way back. False for everybody else. */
  readonly offerReturn: (ctx: Context, userId: string) => Promise<boolean>;
}

const at = ({ uid }: Pick<Interaction, 'uid'>): string => `/interaction/${uid}`;

/** Mounts the step's way out and back in. What was proved elsewhere goes to the dispatcher, like a password. */
export function mountInteraction(router: Router, parts: InteractionPagesParts): void {
  router.post('/interaction/:uid/federation/:name', async (ctx) => {
    const interaction = await parts.interactions.current(ctx);
    leadsTo(ctx, interaction);
    const name = String(ctx['params']?.['name']);
    const provider = parts.offered.of(interaction.clientId).find((one) => one.name === name);
    // Out of its turn, or a provider that is not offered: the dispatcher knows what comes next.
    if (!provider || !asksWho(interaction)) return seeOther(ctx, at(interaction));
    await leave(ctx, parts, provider, { uid: interaction.uid, ...wishesOf(ctx, interaction) });
  });

  router.get('/interaction/:uid/federation', async (ctx) => {
    const interaction = await parts.interactions.current(ctx);
    leadsTo(ctx, interaction);
    const attempt = await parts.attempts.find(String(ctx.query['attempt']));
    const isIt = attempt?.isFiled === true && attempt.uid === interaction.uid;
    // A page that is opened again, or of another attempt: the dispatcher shows what there is.
    if (!isIt || !attempt.arrival || attempt.userId !== undefined) return seeOther(ctx, at(interaction));
    await takeUp(ctx, parts, { interaction, attempt, arrival: attempt.arrival });
  });
}

function leadsTo(ctx: Context, { redirectUri }: Interaction): void {
  const source = redirectUri && formActionSource(redirectUri);
  if (source) doorState(ctx).formActions.push(source);
}

/** Whether the next step is to say who one is: the engine asks for it, or whoever is signed in wants to be somebody else. */
export const asksWho = ({ prompt, switching }: Interaction): boolean => prompt === 'login' || switching;

/** Why the engine asks somebody who is signed in to prove it anew (oidc-provider's names for its checks). */
const anewReasons: ReadonlySet<string> = new Set(['login_prompt', 'max_age', vouchedOnlyReason]);

/** What the app's request asked for is passed on: somebody who is to sign in anew is to do so there. */
export function wishesOf(ctx: Context, interaction: Interaction): { anew: boolean; wishes: Wishes } {
  const { reasons, switching, wishes, loginHint } = interaction;
  const anew = reasons.some((reason) => anewReasons.has(reason));
  const chooses = switching || wishes.prompt.includes('select_account');
  const prompt = anew ? 'login' : chooses ? 'select_account' : undefined;
  const { uiLocales } = doorState(ctx);
  return { anew, wishes: { prompt, loginHint, maxAge: wishes.maxAge, uiLocales } };
}

/** Whose way it is, and what is asked for on it. */
export type Leaving = Omit<Parameters<InteractionPagesParts['setOut']>[0], 'provider'>;

/** What setting out takes. */
export type LeaveParts = Pick<
  InteractionPagesParts,
  'issuer' | 'clock' | 'log' | 'views' | 'throttle' | 'attempts' | 'connect' | 'setOut'
>;

/** Sends the person to the provider, or back to the step with what is wrong. Throws `federation_busy`. */
export async function leave(ctx: Context, parts: LeaveParts, provider: Provider, leaving: Leaving): Promise<void> {
  const wait = parts.throttle.spend(doorState(ctx).facts.ip);
  if (wait !== undefined) throw federationBusy(wait);
  const began = performance.now();
  const { attemptId, operation, state, secret, to } = await parts.setOut({ provider, ...leaving });
  const former = leaving.uid === undefined ? [] : [parts.attempts.forget(leaving.uid)];
  requireUnit().joinStep([...former, operation], 'consume');
  if ('problem' in to) {
    tellRefusal(parts, { provider, ...to, tookMs: performance.now() - began });
    requireUnit().joinStep([parts.attempts.refuse(attemptId, to.problem)]);
    return seeOther(ctx, backFrom({ ...leaving, id: attemptId }));
  }
  const formPost = provider.preset.formPost === true;
  ctx.append('Set-Cookie', writeWayCookie({ issuer: parts.issuer, state, formPost }, secret));
  goTo(ctx, parts, provider, to.url);
}

/**
 * Chromium holds a form to `form-action` along its redirects, and the page promised the provider's origin as far as it
 * is known without asking it. A provider whose pages are elsewhere is reached from a page of ours, which is no form.
 */
function goTo(
  ctx: Context,
  parts: Pick<InteractionPagesParts, 'connect' | 'views'>,
  provider: Provider,
  url: URL,
): void {
  const isPromised = ctx.method === 'GET' || url.origin === parts.connect.originOf(provider);
  if (isPromised) {
    seeOther(ctx, url.href);
    return;
  }
  showLeaving(ctx, parts.views, { provider: provider.title, href: url.href, signsOut: false });
}

interface Taken {
  readonly interaction: Interaction;
  readonly attempt: Attempt;
  readonly arrival: Arrival;
}

const byArrival = (ctx: Context): By => ({
  actor: { kind: 'anonymous', name: 'federation' },
  facts: doorState(ctx).facts,
});

async function takeUp(ctx: Context, parts: InteractionPagesParts, taken: Taken): Promise<void> {
  const { interaction, attempt, arrival } = taken;
  const provider = parts.providers.find(attempt.provider);
  if (!provider) return seeOther(ctx, at(interaction));
  if (isTooOld(parts, attempt, arrival)) return askAnew(ctx, parts, taken, provider);
  const silent = isSilent({ provider, attempt, arrival });
  const newcomer = { provider, attemptId: attempt.id, arrival, by: byArrival(ctx), isSilent: silent };
  const welcome = await parts.welcome(newcomer);
  switch (welcome.kind) {
    case 'refused':
      if (welcome.subject !== undefined && (await parts.offerReturn(ctx, welcome.subject))) return;
      return refuse(ctx, parts, taken, welcome);
    case 'prove':
      currentUnit()?.joinStep([parts.attempts.awaitProof(attempt.id, welcome.userId)], 'consume');
      return seeOther(ctx, at(interaction));
    case 'known':
      return letIn(ctx, parts, { ...taken, provider }, welcome);
    case 'created':
      return signIn(ctx, parts, taken, welcome.userId);
  }
}

/** Whether somebody signed in there so long ago that a sign-in here would end soon, or would have ended already. */
function isTooOld({ clock, settings }: InteractionPagesParts, { way }: Attempt, { authTime }: Arrival): boolean {
  const { sessionAbsolute } = settings.current().lifetimes;
  return !way.anew && authTime !== undefined && clock.now() / 1000 - authTime > sessionAbsolute / 2;
}

/** Sends them there once more, to sign in anew: what they are told to prove then decides. */
async function askAnew(
  ctx: Context,
  parts: InteractionPagesParts,
  { interaction }: Taken,
  provider: Provider,
): Promise<void> {
  const { wishes } = wishesOf(ctx, interaction);
  await leave(ctx, parts, provider, { uid: interaction.uid, anew: true, wishes: { ...wishes, prompt: 'login' } });
}

/** Lets somebody in whose identity belongs to an account, unless something keeps them out. */
async function letIn(
  ctx: Context,
  parts: InteractionPagesParts,
  taken: Taken & { readonly provider: Provider },
  { userId, operations }: Extract<Welcome, { kind: 'known' }>,
): Promise<void> {
  const refused = (problem: AttemptProblem) => refuse(ctx, parts, taken, { problem, subject: userId });
  if (await isLocked(ctx, parts, userId)) return refused('locked');
  const returned = { ...taken, clientId: taken.interaction.clientId };
  if (isSilent(returned) && !(await mayPass(parts, returned, userId))) return refused('stale');
  currentUnit()?.joinStep(operations, 'consume');
  return signIn(ctx, parts, taken, userId);
}

/** An account that is locked after too many tries stays so, except in browsers that it knows. */
async function isLocked(ctx: Context, { throttle, devices }: InteractionPagesParts, account: string): Promise<boolean> {
  const device = await devices.known(ctx.cookies, account);
  const entry = throttle.enter({ account, address: doorState(ctx).facts.ip, device });
  // No secret was tried here: nothing counts.
  if (entry.allowed) entry.settle('abandoned');
  return !entry.allowed;
}

/** One factor, unless the provider told of two and the operator trusts it: what else is needed follows. */
async function signIn(
  ctx: Context,
  parts: InteractionPagesParts,
  { interaction, attempt, arrival }: Taken,
  accountId: string,
): Promise<void> {
  const { amr, authTime } = provedWhen(attempt, arrival, epochSeconds(parts.clock));
  const event: AuditEvent = {
    type: 'identity.verified',
    outcome: 'success',
    actor: { kind: 'user', id: accountId },
    subject: accountId,
    client: interaction.clientId,
    details: { provider: attempt.provider },
  };
  currentUnit()?.events.push(event);
  noteSignIn(parts, { interaction, attempt, arrival }, accountId);
  const acr = arrival.isMultiFactor ? multiFactor : singleFactor;
  seeOther(ctx, await parts.interactions.prove(ctx, { accountId, amr, acr, authTime }));
}

/** For when the provider tells that this person, or this session of theirs, has signed out there. */
function noteSignIn(
  { signIns, clock }: InteractionPagesParts,
  { interaction: { uid }, attempt, arrival }: Taken,
  userId: string,
): void {
  const expiresAt = clock.now() + interactionSeconds * 1000;
  currentUnit()?.joinStep([signIns.forget(uid)], 'consume');
  currentUnit()?.joinStep([
    signIns.file({ id: attempt.id, uid, userId, provider: attempt.provider, arrival, expiresAt }),
  ]);
}

function refuse(
  ctx: Context,
  parts: InteractionPagesParts,
  { interaction, attempt }: Taken,
  { problem, subject }: { problem: AttemptProblem; subject?: string | undefined },
): void {
  currentUnit()?.joinStep([parts.attempts.refuse(attempt.id, problem)], 'consume');
  const event: AuditEvent = {
    type: 'federation.refused',
    outcome: 'denied',
    reason: problem.replace('-', '_'),
    actor: { kind: 'anonymous' },
    subject,
    client: interaction.clientId,
    details: { provider: attempt.provider },
  };
  currentUnit()?.events.push(event);
  seeOther(ctx, at(interaction));
}
