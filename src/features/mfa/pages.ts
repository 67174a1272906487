import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { doorState, field, seeOther, showPage } from '../../foundation/http/door.ts';
import { formActionSource } from '../../foundation/http/security-headers.ts';
import type { PageLocals, PasskeyProblem } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { CodeProblem, SecondFactorWay } from '../../foundation/views/step-pages.ts';
import type { AuditEvent } from '../audit/module.ts';
import type { Devices } from '../devices/module.ts';
import type { Notices } from '../notices/module.ts';
import type { Passkeys, SignatureOutcome } from '../passkeys/module.ts';
import {
  currentUnit,
  type Interaction,
  type Interactions,
  isAtRisk,
  multiFactor,
  type Proof,
  wantsPassword,
} from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { Users } from '../users/module.ts';
import { codeProblem } from './code-problem.ts';
import { drawQr } from './draw-qr.ts';
import type { Enrolment } from './enrol.ts';
import type { FactorMethod } from './factor.ts';
import type { Mfa } from './module.ts';
import type { CodeOutcome } from './verify-code.ts';

export interface MfaPagesParts {
  readonly clock: Clock;
  readonly views: Views;
  readonly users: Users;
  readonly interactions: Interactions;
  readonly mfa: Mfa;
  readonly notices: Notices;
  readonly devices: Pick<Devices, 'known' | 'remember'>;
  readonly passkeys: Passkeys;
  /** Makes the browser known to the account, and tells the owner of a new one. */
  readonly greet: (ctx: Context, accountId: string) => Promise<readonly Operation[]>;
  readonly settings: Pick<SettingsModule, 'current'>;
}

/** Statuses of a page with a code by what is wrong with it. */
const statuses = { missing: 400, wrong: 401, used: 401, taken: 409, expired: 400, throttled: 429 } as const;

const dayMs = 24 * 60 * 60 * 1000;

export const at = ({ uid }: Interaction): string => `/interaction/${uid}`;

/** Mounts what the two steps post. Each is only for a person who has proved a password here, and adds to that. */
export function mountMfa(router: Router, parts: MfaPagesParts): void {
  const { interactions } = parts;

  router.post('/interaction/:uid/code', async (ctx) => {
    const interaction = await arrive(ctx, parts);
    const proof = openProof(interaction);
    // Out of its turn: the dispatcher knows whose turn it is.
    if (!proof) return seeOther(ctx, at(interaction));
    await takeCode(ctx, parts, interaction, proof);
  });

  // The page for another factor; which of them is taken does not depend on it.
  router.post('/interaction/:uid/another-way', async (ctx) => {
    const interaction = await interactions.current(ctx);
    const way = ways.find((one) => one === field(ctx, 'way'));
    seeOther(ctx, way ? `${at(interaction)}?way=${way}` : at(interaction));
  });

  router.post('/interaction/:uid/enrolment', async (ctx) => {
    const interaction = await arrive(ctx, parts);
    const proof = await proofBeforeEnrolment(parts, interaction);
    if (!proof) return seeOther(ctx, at(interaction));
    await takeEnrolment(ctx, parts, interaction, proof);
  });
}

/** What was proved, while another factor has to come to it, and one of somebody's keeping may. */
export const openProof = ({ proof }: Interaction): Proof | undefined =>
  proof && proof.acr !== multiFactor && !wantsPassword(proof.amr) ? proof : undefined;

/** What was proved, where a factor has to be set up. Whoever has one has to show it: a second one must not be a way around it. */
export async function proofBeforeEnrolment(
  { mfa }: MfaPagesParts,
  interaction: Interaction,
): Promise<Proof | undefined> {
  const proof = openProof(interaction);
  // Whoever may have taken over the session must not set up a factor of their own on it.
  if (proof?.by === 'session' && isAtRisk(interaction)) return undefined;
  const need = proof && (await mfa.need(proof.accountId, interaction.asksForSecondFactor));
  return need === 'enrolment' ? proof : undefined;
}

/** The interaction of this request, with the app's address let through where the steps may end. */
export async function arrive(ctx: Context, { interactions }: MfaPagesParts): Promise<Interaction> {
  const interaction = await interactions.current(ctx);
  const source = interaction.redirectUri && formActionSource(interaction.redirectUri);
  if (source) doorState(ctx).formActions.push(source);
  return interaction;
}

export function tell(event: AuditEvent): void {
  currentUnit()?.events.push(event);
}

/** What was proved and a second factor (RFC 8176 §2: `otp` is what a code of either kind is). */
export const withFactor = (proof: Proof, methods: readonly string[] = ['otp']) => ({
  ...proof,
  amr: [...new Set([...proof.amr, ...methods, 'mfa'])],
  acr: multiFactor,
});

async function takeCode(ctx: Context, parts: MfaPagesParts, interaction: Interaction, proof: Proof): Promise<void> {
  const { accountId } = proof;
  const device = await parts.devices.known(ctx.cookies, accountId);
  const attempt = { userId: accountId, code: field(ctx, 'code'), address: doorState(ctx).facts.ip, device };
  const outcome = await parts.mfa.verify(attempt);
  if (outcome.kind !== 'right') {
    const refused = refusalOf(outcome, interaction, accountId);
    if (refused) tell(refused);
    return showCode(ctx, parts, interaction, codeProblem(parts.clock, outcome));
  }
  currentUnit()?.joinStep([outcome.use]);
  await rememberIfAsked(ctx, parts, interaction, accountId);
  tell(verified(outcome.method, interaction, accountId));
  seeOther(ctx, await parts.interactions.prove(ctx, withFactor(proof)));
}

/** For how many days the step may be skipped; 0 where it may not: an app that asks for it asks every time. */
async function rememberDays(
  { settings, mfa }: MfaPagesParts,
  { asksForSecondFactor }: Interaction,
  userId: string,
): Promise<number> {
  const isLeftToThem = !asksForSecondFactor && (await mfa.policies.of(userId)) === 'optional';
  return isLeftToThem ? settings.current().mfa.rememberDays : 0;
}

/** Skips the step with this browser from now on, where the person may say so and has. */
export async function rememberIfAsked(
  ctx: Context,
  parts: MfaPagesParts,
  interaction: Interaction,
  userId: string,
): Promise<void> {
  const days = await rememberDays(parts, interaction, userId);
  if (days === 0 || field(ctx, 'remember_device') === '') return;
  const until = parts.clock.now() + days * dayMs;
  // Once it is remembered it looks as if it had been there before: who is to hear of it hears of it now.
  const greeted = await parts.greet(ctx, userId);
  currentUnit()?.joinStep(greeted);
  currentUnit()?.joinStep(parts.devices.remember(ctx.cookies, userId, doorState(ctx).facts, until));
  const actor = { kind: 'user', id: userId } as const;
  tell({ type: 'device.remembered', outcome: 'success', actor, subject: userId, details: { days } });
}

export const verified = (
  method: FactorMethod,
  { clientId }: Interaction,
  accountId: string,
  more: object = {},
): AuditEvent => ({
  type: 'factor.verified',
  outcome: 'success',
  actor: { kind: 'user', id: accountId },
  subject: accountId,
  client: clientId,
  details: { method, ...more },
});

export function refusalOf(outcome: Refusable, { clientId }: Interaction, subject: string): AuditEvent | undefined {
  const actor = { kind: 'anonymous' } as const;
  if (outcome.kind === 'throttled') {
    return { type: 'signin.failed', outcome: 'denied', reason: 'throttled', actor, client: clientId };
  }
  if (outcome.kind !== 'wrong') return undefined;
  return { type: 'signin.failed', outcome: 'failure', reason: outcome.reason, actor, subject, client: clientId };
}

/** What may be refused: a code, or a signature of a passkey. */
type Refusable = CodeOutcome | Exclude<SignatureOutcome, { kind: 'right' }>;

/** Shows the step that asks for a factor. */
export const showSecondFactor =
  (parts: MfaPagesParts) =>
  (ctx: Context, interaction: Interaction): Promise<void> =>
    showCode(ctx, parts, interaction, undefined);

const ways: readonly SecondFactorWay[] = ['passkey', 'app', 'recovery'];

/** Which way the page speaks of, of those that the person has, and the one after it. */
function wayOf(ctx: Context, has: readonly SecondFactorWay[]) {
  const wanted = field(ctx, 'way') || ctx.query['way'];
  const index = Math.max(0, has.indexOf(wanted as SecondFactorWay));
  return { way: has[index] ?? 'recovery', otherWay: has.length > 1 ? has[(index + 1) % has.length] : undefined };
}

export async function showCode(
  ctx: Context,
  parts: MfaPagesParts,
  interaction: Interaction,
  problem: CodeProblem | undefined,
): Promise<void> {
  if (problem?.kind === 'throttled') ctx.set('Retry-After', String(problem.retryAfter));
  const { accountId } = interaction.proof as Proof;
  const factors = await parts.mfa.factors(accountId);
  const { way, otherWay } = wayOf(
    ctx,
    ways.filter((one) => (one === 'app' ? factors.totp : one === 'recovery' || factors.passkeys.length > 0)),
  );
  const place = { scope: scopeOf(interaction), userId: accountId };
  const request = way === 'passkey' ? await parts.passkeys.signature.begin(place) : undefined;
  showPage(ctx, {
    views: parts.views,
    page: 'interaction/second-factor',
    status: problem ? statuses[problem.kind] : 200,
    locals: {
      ...(await common(parts, interaction)),
      action: `${at(interaction)}/code`,
      otherWayAction: `${at(interaction)}/another-way`,
      way,
      otherWay,
      passkey: request && { ...request, action: `${at(interaction)}/passkey` },
      rememberDays: (await rememberDays(parts, interaction, accountId)) || undefined,
      unusual: isAtRisk(interaction),
      problem,
    },
  });
}

/** What both steps show: for whom, for which app, and the ways out. */
async function common({ users }: MfaPagesParts, interaction: Interaction) {
  const { app, proof } = interaction;
  const user = proof && (await users.find(proof.accountId));
  return {
    app,
    account: user?.email ?? '',
    denyAction: `${at(interaction)}/deny`,
    switchAction: `${at(interaction)}/switch`,
  };
}

/** In which sign-in a factor is asked for, or made. */
export const scopeOf = ({ uid }: Interaction): string => `interaction ${uid}`;

const placeOf = (interaction: Interaction, { accountId }: Proof) => ({
  userId: accountId,
  scope: scopeOf(interaction),
});

/** Shows the step in which a person without a second factor sets one up. */
export const showEnrolment =
  (parts: MfaPagesParts) =>
  async (ctx: Context, interaction: Interaction): Promise<void> => {
    await showNewEnrolment(ctx, parts, interaction, undefined);
  };

/** Shows it with a new secret, where a passkey was not taken. */
export async function showNewEnrolment(
  ctx: Context,
  parts: MfaPagesParts,
  interaction: Interaction,
  passkeyProblem: PasskeyProblem | 'taken' | undefined,
): Promise<void> {
  const { account } = await common(parts, interaction);
  const enrolment = parts.mfa.enrolment.begin(placeOf(interaction, interaction.proof as Proof), account);
  await showForm(ctx, parts, interaction, { enrolment, passkeyProblem });
}

interface EnrolmentShown {
  readonly enrolment: Enrolment;
  readonly problem?: CodeProblem | undefined;
  readonly passkeyProblem?: PasskeyProblem | 'taken' | undefined;
}

async function showForm(
  ctx: Context,
  parts: MfaPagesParts,
  interaction: Interaction,
  { enrolment, problem, passkeyProblem }: EnrolmentShown,
): Promise<void> {
  if (problem?.kind === 'throttled') ctx.set('Retry-After', String(problem.retryAfter));
  const { secret, uri, sealed } = enrolment;
  const kind = problem?.kind ?? passkeyProblem;
  const shared = await common(parts, interaction);
  const owner = { id: (interaction.proof as Proof).accountId, name: shared.account };
  const request = await parts.passkeys.enrolment.begin({ owner, scope: scopeOf(interaction) });
  showPage(ctx, {
    views: parts.views,
    page: 'interaction/enrolment',
    status: kind ? statuses[kind] : 200,
    locals: {
      ...shared,
      passkey: request && { ...request, action: `${at(interaction)}/passkey/enrolment` },
      passkeyProblem,
      action: `${at(interaction)}/enrolment`,
      totp: { secret, uri, qr: drawQr(uri), hidden: { enrolment: sealed } },
      problem,
    },
  });
}

async function takeEnrolment(
  ctx: Context,
  parts: MfaPagesParts,
  interaction: Interaction,
  proof: Proof,
): Promise<void> {
  const { enrolment } = parts.mfa;
  const place = placeOf(interaction, proof);
  const sealed = field(ctx, 'enrolment');
  const device = await parts.devices.known(ctx.cookies, proof.accountId);
  const form = { sealed, code: field(ctx, 'code'), address: doorState(ctx).facts.ip, device };
  const outcome = enrolment.confirm(place, form);
  if (outcome.kind !== 'enrolled') {
    const { account } = await common(parts, interaction);
    const again = enrolment.again(place, sealed, account) ?? enrolment.begin(place, account);
    return showForm(ctx, parts, interaction, { enrolment: again, problem: codeProblem(parts.clock, outcome) });
  }
  const { accountId } = proof;
  currentUnit()?.joinStep(outcome.operations);
  const actor = { kind: 'user', id: accountId } as const;
  tell({ type: 'factor.added', outcome: 'success', actor, subject: accountId, details: { method: 'totp' } });
  await informOfFactor(ctx, parts, { accountId, method: 'totp' });
  const nextHref = await parts.interactions.prove(ctx, withFactor(proof));
  showRecoveryCodes(ctx, parts, { app: interaction.app, recoveryCodes: outcome.recoveryCodes, nextHref });
}

/** Has the person learn by mail of a factor that this request adds. */
export async function informOfFactor(
  ctx: Context,
  { users, notices }: MfaPagesParts,
  { accountId, method }: { readonly accountId: string; readonly method: 'totp' | 'passkey' },
): Promise<void> {
  const user = await users.find(accountId);
  currentUnit()?.joinStep(user ? notices.about({ kind: 'factor-added', method }, user, doorState(ctx)) : []);
}

export const showRecoveryCodes = (
  ctx: Context,
  { views }: MfaPagesParts,
  locals: PageLocals['interaction/recovery-codes'],
): void => showPage(ctx, { views, page: 'interaction/recovery-codes', locals });
