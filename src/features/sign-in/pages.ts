import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { doorState, field, seeOther, showPage } from '../../foundation/http/door.ts';
import { formActionSource } from '../../foundation/http/security-headers.ts';
import type { BusyProblem, SignInLocals } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import { busyProblem, throttledProblem } from '../../foundation/views/waiting.ts';
import type { AuditEvent } from '../audit/module.ts';
import type { Devices } from '../devices/module.ts';
import type { Passkeys } from '../passkeys/module.ts';
import {
  type Arrivals,
  type Begun,
  currentUnit,
  type Interaction,
  type Interactions,
  isAtRisk,
  multiFactor,
  type Proof,
  provedByEmailAlone,
  provedByKeyAlone,
  type SignInResult,
  type SignInSessions,
  singleFactor,
} from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { Users } from '../users/module.ts';
import type { createCheckLogin, LoginOutcome } from './check-login.ts';
import { makeRoom } from './make-room.ts';
import { type Need, nextStep, type Step } from './next-step.ts';
import { showNotAllowed } from './not-allowed-pages.ts';

export interface SignInPagesParts {
  readonly clock: Clock;
  readonly views: Views;
  readonly interactions: Interactions;
  readonly sessions: Pick<SignInSessions, 'list' | 'endOne'>;
  readonly arrivals: Arrivals;
  readonly devices: Pick<Devices, 'known'>;
  /** Makes the browser known to the account, and tells the owner of a new one. */
  readonly greet: (ctx: Context, accountId: string) => Promise<readonly Operation[]>;
  readonly users: Pick<Users, 'find'>;
  readonly passkeys: Passkeys;
  readonly checkLogin: ReturnType<typeof createCheckLogin>;
  /** What a person has to do beside the password; `asked` is whether the app asks for a second factor. */
  readonly need: (accountId: string, asked: boolean) => Promise<Need>;
  /** Whether the person has said that this browser may go without a second factor. */
  readonly isRemembered: (ctx: Context, accountId: string) => Promise<boolean>;
  readonly settings: Pick<SettingsModule, 'current'>;
  /** How a login that is not ours to name is referred to in the audit: an HMAC. */
  readonly loginReference: (login: string) => string;
  /** Whether people without an account may make one. */
  readonly offersRegistration: () => boolean;
  /** Whether a password that was typed is too old. */
  readonly owesPassword: (proof: Proof) => Promise<boolean>;
  /** How people may sign in by e-mail. */
  readonly emailWay: () => 'off' | 'code' | 'link';
  /** Leads who is about to leave, and has shown the password, to the way back. False for everybody else. */
  readonly offerReturn: (ctx: Context, userId: string) => Promise<boolean>;
  /** Other providers that people may sign in with. */
  readonly federated: FederatedSignIn;
  /** Counts an attempt, after its unit is stored. */
  readonly onAttempt: (attempt: SignInAttempt) => void;
}

/** What signing in with other providers adds to the step, and to its end. */
export interface FederatedSignIn {
  shown(
    ctx: Context,
    interaction: Interaction,
  ): Promise<{
    readonly providers?: SignInLocals['providers'];
    readonly awaiting?: SignInLocals['awaiting'];
    readonly problem: Problem;
  }>;
  /** Sends somebody to the one provider that is asked for, at once. False where there is none. */
  goStraight(ctx: Context, interaction: Interaction): Promise<boolean>;
  /** Sends the person of an address to the provider that is its home. False where there is none. */
  goHome(ctx: Context, interaction: Interaction, login: string): Promise<boolean>;
  /** Whether an identity waits for its account's person to prove it. */
  awaitsProof(uid: string): Promise<boolean>;
  /** Connects what waits for it, once every step was taken. */
  settle(ctx: Context, interaction: Interaction, proved: SignInResult): Promise<void>;
}

/** Shows one step of an interaction. */
export type ShowStep = (ctx: Context, interaction: Interaction) => Promise<void> | void;

/** The steps that other rooms show. */
export type OtherSteps = Readonly<Record<Exclude<Step, 'sign-in' | 'not-allowed' | 'done'>, ShowStep>>;

type Answered = Parameters<Interactions['signedIn']>[1];
export type Problem = SignInLocals['problem'];

/** Statuses of the sign-in page by what is wrong. */
const statuses = { missing: 400, wrong: 401, expired: 400, throttled: 429, busy: 503 } as const;

/** Mounts the dispatcher, sign-in by password, and the way back to the app. */
export function mountSignIn(router: Router, parts: SignInPagesParts, otherSteps: OtherSteps): void {
  const { interactions } = parts;
  const steps: Readonly<Record<Step, ShowStep>> = {
    ...otherSteps,
    async 'sign-in'(ctx, found) {
      if (!(await parts.federated.goStraight(ctx, found))) await show(ctx, parts, found, {});
    },
    'not-allowed': showNotAllowed(parts),
    done: (ctx, found) => finish(ctx, parts, found, found.proof as Proof),
  };

  router.get('/interaction/:uid', async (ctx) => {
    const interaction = await interactions.current(ctx);
    leadsTo(ctx, interaction);
    await steps[await stepOf(ctx, parts, interaction)](ctx, interaction);
  });

  router.post('/interaction/:uid/sign-in', async (ctx) => {
    const interaction = await interactions.current(ctx);
    leadsTo(ctx, interaction);
    const login = field(ctx, 'login');
    // No password was typed: nothing is tried, and nobody learns whether there is such an account.
    if (field(ctx, 'password') === '' && (await parts.federated.goHome(ctx, interaction, login))) return;
    const began = performance.now();
    const outcome = await attempt(parts, ctx, login);
    count(parts, outcome, (performance.now() - began) / 1000);
    const event = eventOf(parts, outcome, { login, clientId: interaction.clientId });
    if (event) currentUnit()?.events.push(event);
    if (await isLeaving(ctx, parts, outcome)) return;
    if (outcome.kind !== 'signed-in')
      return show(ctx, parts, interaction, { login, problem: problemOf(parts, outcome) });
    await goOn(ctx, parts, interaction, outcome);
  });

  router.post('/interaction/:uid/deny', async (ctx) => {
    leadsTo(ctx, await interactions.current(ctx));
    seeOther(ctx, await interactions.deny(ctx));
  });

  router.post('/interaction/:uid/switch', async (ctx) => seeOther(ctx, await interactions.switchAccount(ctx)));
}

/** The step that follows from what is stored. */
export async function stepOf(ctx: Context, parts: SignInPagesParts, interaction: Interaction): Promise<Step> {
  const { proof, asksForSecondFactor } = interaction;
  if (proof === undefined) return nextStep(interaction, { need: 'nothing', owesPassword: false });
  const owesPassword = await parts.owesPassword(proof);
  if (proof.acr === multiFactor) return nextStep(interaction, { need: 'nothing', owesPassword });
  const need = await parts.need(proof.accountId, asksForSecondFactor);
  // A new password is set by who has shown every factor: a browser must not be enough beside the old one.
  const maySkip =
    need === 'factor' &&
    !owesPassword &&
    maySpare(interaction) &&
    !(await parts.federated.awaitsProof(interaction.uid));
  const isSpared =
    maySkip && (await mayGoWithout(ctx, parts, { accountId: proof.accountId, here: interaction.signInId }));
  return nextStep(interaction, { need: isSpared ? 'nothing' : need, owesPassword });
}

/** A remembered browser is no answer from a place where its person cannot be. */
const mayGoWithout = async (ctx: Context, parts: SignInPagesParts, begun: Begun): Promise<boolean> =>
  (await parts.isRemembered(ctx, begun.accountId)) && !(await parts.arrivals.asksForFactor(begun));

/** Only an ordinary sign-in: where an app asks for a factor, or for the person again, a remembered browser is no answer. */
const maySpare = ({ prompt, reasons, asksForSecondFactor }: Interaction): boolean =>
  prompt === 'login' && !asksForSecondFactor && reasons.every((reason) => reason === 'no_session');

/** Every step is taken: the browser is known from now on, and the engine is answered. */
async function finish(
  ctx: Context,
  parts: SignInPagesParts,
  interaction: Interaction,
  result: Answered,
): Promise<void> {
  const { greet, interactions, arrivals } = parts;
  currentUnit()?.joinStep(await greet(ctx, result.accountId));
  await parts.federated.settle(ctx, interaction, result);
  await arrivals.tell({ accountId: result.accountId, here: interaction.signInId });
  await makeRoom(parts, result.accountId, interaction.signInId);
  await interactions.signedIn(ctx, result);
}

/** The password was right: answers the engine if that is all, else keeps it for the step that follows. */
async function goOn(
  ctx: Context,
  parts: SignInPagesParts,
  interaction: Interaction,
  { user, upgrade, settle }: LoginOutcome & { kind: 'signed-in' },
): Promise<void> {
  const remember = offersRemembering(parts) && field(ctx, 'remember_me') !== '';
  const result = { ...provedBy(interaction.proof, user.id), remember };
  const step = await stepOf(ctx, parts, { ...interaction, proof: { ...result, by: 'interaction' } });
  settle(step === 'done' ? 'succeeded' : 'abandoned');
  if (upgrade) currentUnit()?.join(upgrade);
  if (step === 'done') await finish(ctx, parts, interaction, result);
  else seeOther(ctx, await parts.interactions.prove(ctx, result));
}

/** A password alone or after a mailbox, or the second factor beside a key that this person has shown before it. */
function provedBy(proof: Proof | undefined, accountId: string): SignInResult & Pick<Proof, 'authTime'> {
  if (proof?.accountId !== accountId) return { accountId, amr: ['pwd'], acr: singleFactor };
  if (provedByEmailAlone(proof.amr)) return { ...proof, amr: [...proof.amr, 'pwd'], acr: singleFactor };
  if (!provedByKeyAlone(proof.amr)) return { accountId, amr: ['pwd'], acr: singleFactor };
  return { ...proof, amr: [...new Set([...proof.amr, 'pwd', 'mfa'])], acr: multiFactor };
}

/** Only the right password of a disabled account gets here: nobody learns of a deletion who could not sign in before it. */
async function isLeaving(ctx: Context, parts: SignInPagesParts, outcome: LoginOutcome | BusyProblem): Promise<boolean> {
  if (outcome.kind !== 'wrong' || outcome.reason !== 'account_disabled' || outcome.subject === undefined) return false;
  return parts.offerReturn(ctx, outcome.subject);
}

/** Chromium applies `form-action` to the redirect after the POST: the app's own address has to be among them. */
export function leadsTo(ctx: Context, interaction: Interaction): void {
  const source = interaction.redirectUri && formActionSource(interaction.redirectUri);
  if (source) doorState(ctx).formActions.push(source);
}

/** The outcome, or that the server is too busy to check: nothing was, so nothing counts. */
async function attempt(parts: SignInPagesParts, ctx: Context, login: string): Promise<LoginOutcome | BusyProblem> {
  const address = doorState(ctx).facts.ip;
  try {
    const deviceOf = (account: string) => parts.devices.known(ctx.cookies, account);
    return await parts.checkLogin({ login, password: field(ctx, 'password'), address, deviceOf });
  } catch (error) {
    const busy = busyProblem(error);
    if (!busy) throw error;
    return busy;
  }
}

/** An attempt to prove who one is. */
export interface SignInAttempt {
  readonly method: 'password' | 'passkey';
  readonly result: AttemptResult;
  readonly seconds: number;
}

export type AttemptResult = 'success' | 'failure' | 'throttled';

/** What was neither typed nor checked is no attempt. */
const results: Partial<Record<(LoginOutcome | BusyProblem)['kind'], AttemptResult>> = {
  'signed-in': 'success',
  wrong: 'failure',
  throttled: 'throttled',
};

function count(parts: SignInPagesParts, outcome: LoginOutcome | BusyProblem, seconds: number): void {
  const result = results[outcome.kind];
  if (result) currentUnit()?.afterCommit.push(() => parts.onAttempt({ method: 'password', result, seconds }));
}

function problemOf({ clock }: SignInPagesParts, outcome: LoginOutcome | BusyProblem): Problem {
  switch (outcome.kind) {
    case 'throttled':
      return throttledProblem(clock, outcome.retryAfterSeconds);
    case 'busy':
      return outcome;
    case 'missing':
    case 'wrong':
      return { kind: outcome.kind };
    case 'signed-in':
      return undefined;
  }
}

function eventOf(
  parts: SignInPagesParts,
  outcome: LoginOutcome | BusyProblem,
  { login, clientId }: { login: string; clientId: string },
): AuditEvent | undefined {
  const anonymous = { kind: 'anonymous' } as const;
  if (outcome.kind === 'throttled') {
    return { type: 'signin.failed', outcome: 'denied', reason: 'throttled', actor: anonymous, client: clientId };
  }
  if (outcome.kind !== 'wrong') return undefined;
  const { reason, subject } = outcome;
  const details = subject === undefined ? { login: parts.loginReference(login) } : {};
  // Somebody's account is worth a row each time; guesses at names coalesce.
  const outcomeWord = subject === undefined ? 'denied' : 'failure';
  return { type: 'signin.failed', outcome: outcomeWord, reason, actor: anonymous, subject, client: clientId, details };
}

/** In which sign-in a passkey is asked for. */
export const scopeOf = ({ uid }: Interaction): string => `interaction ${uid}`;

/** Those of a sign-in with another provider. */
const providerStatuses = {
  declined: 400,
  unavailable: 502,
  failed: 502,
  stale: 401,
  'not-allowed': 403,
  unverified: 403,
  'no-account': 403,
  disabled: 403,
  taken: 409,
  locked: 429,
} as const;

function statusOf(problem: NonNullable<Problem>): number {
  if (problem.kind === 'provider') return providerStatuses[problem.why];
  return statuses[problem.kind === 'passkey' ? problem.why : problem.kind];
}

/** What the page says of passkeys: asks for one, or for the password beside one that was taken already. */
async function byPasskey({ users, passkeys }: SignInPagesParts, interaction: Interaction) {
  const { proof, loginHint } = interaction;
  const owner = proof && provedByKeyAlone(proof.amr) ? await users.find(proof.accountId) : undefined;
  if (owner) return { login: owner.email, passkeyOf: owner.email };
  const request = await passkeys.signature.begin({ scope: scopeOf(interaction) });
  const passkey = { ...request, action: `/interaction/${interaction.uid}/sign-in/passkey` };
  const mailbox = proof && provedByEmailAlone(proof.amr) ? await users.find(proof.accountId) : undefined;
  return mailbox ? { login: mailbox.email, emailOf: mailbox.email, passkey } : { login: loginHint, passkey };
}

function byEmail({ emailWay }: SignInPagesParts, at: string) {
  const way = emailWay();
  return way === 'off' ? undefined : { way, href: `${at}/email` };
}

const offersRemembering = ({ settings }: SignInPagesParts): boolean => settings.current().sessions.rememberMe === 'on';

/** Shows the step. */
export async function show(
  ctx: Context,
  parts: SignInPagesParts,
  interaction: Interaction,
  typed: { login?: string; problem?: Problem },
): Promise<void> {
  const federated = await parts.federated.shown(ctx, interaction);
  const problem = typed.problem ?? federated.problem;
  const login = typed.login ?? federated.awaiting?.account;
  if (problem && 'retryAfter' in problem) ctx.set('Retry-After', String(problem.retryAfter));
  const at = `/interaction/${interaction.uid}`;
  const proved = await byPasskey(parts, interaction);
  showPage(ctx, {
    views: parts.views,
    page: 'interaction/sign-in',
    status: problem ? statusOf(problem) : 200,
    locals: {
      action: `${at}/sign-in`,
      denyAction: `${at}/deny`,
      forgotHref: `${at}/forgot`,
      // By mail already: it would lead back here.
      email: 'emailOf' in proved ? undefined : byEmail(parts, at),
      registerHref: parts.offersRegistration() ? `${at}/register` : undefined,
      app: interaction.app,
      providers: federated.providers,
      awaiting: federated.awaiting,
      ...proved,
      ...(login === undefined ? {} : { login }),
      rememberMe: offersRemembering(parts) ? { ticked: field(ctx, 'remember_me') !== '' } : undefined,
      unusual: isAtRisk(interaction),
      again: interaction.accountId !== undefined && !interaction.switching,
      problem,
    },
  });
}
