import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { doorState, field, seeOther, showPage } from '../../foundation/http/door.ts';
import { formActionSource } from '../../foundation/http/security-headers.ts';
import type { CodeProblem } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { AuditEvent } from '../audit/module.ts';
import type { Devices } from '../devices/module.ts';
import type { Notices } from '../notices/module.ts';
import { currentUnit, type Interaction, type Interactions, multiFactor, type Proof } from '../protocol/module.ts';
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
  readonly devices: Pick<Devices, 'known'>;
}

/** Statuses of a page with a code by what is wrong with it. */
const statuses = { missing: 400, wrong: 401, used: 401, expired: 400, throttled: 429 } as const;

const at = ({ uid }: Interaction): string => `/interaction/${uid}`;

/** Mounts what the two steps post. Each is only for a person who has proved a password here, and adds to that. */
export function mountMfa(router: Router, parts: MfaPagesParts): void {
  const { interactions } = parts;

  router.post('/interaction/:uid/code', async (ctx) => {
    const interaction = await arrive(ctx, parts);
    const { proof } = interaction;
    // Out of its turn: the dispatcher knows whose turn it is.
    if (proof === undefined || proof.acr === multiFactor) return seeOther(ctx, at(interaction));
    await takeCode(ctx, parts, interaction, proof);
  });

  // The page for the other kind of code; which of them is taken does not depend on it.
  router.post('/interaction/:uid/another-way', async (ctx) => {
    const interaction = await interactions.current(ctx);
    seeOther(ctx, field(ctx, 'way') === 'recovery' ? `${at(interaction)}?way=recovery` : at(interaction));
  });

  router.post('/interaction/:uid/enrolment', async (ctx) => {
    const interaction = await arrive(ctx, parts);
    const { proof } = interaction;
    const isDue = proof !== undefined && (await parts.mfa.need(proof.accountId, interaction.asksForSecondFactor));
    // Whoever has a factor already has to show it: a second one must not be a way around it.
    if (isDue !== 'enrolment' || proof?.acr === multiFactor) return seeOther(ctx, at(interaction));
    await takeEnrolment(ctx, parts, interaction, proof as Proof);
  });
}

/** The interaction of this request, with the app's address let through where the steps may end. */
async function arrive(ctx: Context, { interactions }: MfaPagesParts): Promise<Interaction> {
  const interaction = await interactions.current(ctx);
  const source = interaction.redirectUri && formActionSource(interaction.redirectUri);
  if (source) doorState(ctx).formActions.push(source);
  return interaction;
}

function tell(event: AuditEvent): void {
  currentUnit()?.events.push(event);
}

/** What was proved and a second factor (RFC 8176 §2: `otp` is what a code of either kind is). */
const withFactor = (proof: Proof) => ({
  ...proof,
  amr: [...new Set([...proof.amr, 'otp', 'mfa'])],
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
  tell(verified(outcome.method, interaction, accountId));
  seeOther(ctx, await parts.interactions.prove(ctx, withFactor(proof)));
}

const verified = (method: FactorMethod, { clientId }: Interaction, accountId: string): AuditEvent => ({
  type: 'factor.verified',
  outcome: 'success',
  actor: { kind: 'user', id: accountId },
  subject: accountId,
  client: clientId,
  details: { method },
});

function refusalOf(outcome: CodeOutcome, { clientId }: Interaction, subject: string): AuditEvent | undefined {
  const actor = { kind: 'anonymous' } as const;
  if (outcome.kind === 'throttled') {
    return { type: 'signin.failed', outcome: 'denied', reason: 'throttled', actor, client: clientId };
  }
  if (outcome.kind !== 'wrong') return undefined;
  return { type: 'signin.failed', outcome: 'failure', reason: outcome.reason, actor, subject, client: clientId };
}

/** Shows the step that asks for a code. */
export const showSecondFactor =
  (parts: MfaPagesParts) =>
  (ctx: Context, interaction: Interaction): Promise<void> =>
    showCode(ctx, parts, interaction, undefined);

async function showCode(
  ctx: Context,
  parts: MfaPagesParts,
  interaction: Interaction,
  problem: CodeProblem | undefined,
): Promise<void> {
  if (problem?.kind === 'throttled') ctx.set('Retry-After', String(problem.retryAfter));
  const way = ctx.query['way'] === 'recovery' || field(ctx, 'way') === 'recovery' ? 'recovery' : 'app';
  showPage(ctx, {
    views: parts.views,
    page: 'interaction/second-factor',
    status: problem ? statuses[problem.kind] : 200,
    locals: {
      ...(await common(parts, interaction)),
      action: `${at(interaction)}/code`,
      otherWayAction: `${at(interaction)}/another-way`,
      way,
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

const placeOf = ({ uid }: Interaction, { accountId }: Proof) => ({ userId: accountId, scope: `interaction ${uid}` });

/** Shows the step in which a person without a second factor sets one up. */
export const showEnrolment =
  (parts: MfaPagesParts) =>
  async (ctx: Context, interaction: Interaction): Promise<void> => {
    const { account } = await common(parts, interaction);
    const enrolment = parts.mfa.enrolment.begin(placeOf(interaction, interaction.proof as Proof), account);
    await showForm(ctx, parts, interaction, { enrolment });
  };

async function showForm(
  ctx: Context,
  parts: MfaPagesParts,
  interaction: Interaction,
  { enrolment, problem }: { enrolment: Enrolment; problem?: CodeProblem | undefined },
): Promise<void> {
  if (problem?.kind === 'throttled') ctx.set('Retry-After', String(problem.retryAfter));
  const { secret, uri, sealed } = enrolment;
  showPage(ctx, {
    views: parts.views,
    page: 'interaction/enrolment',
    status: problem ? statuses[problem.kind] : 200,
    locals: {
      ...(await common(parts, interaction)),
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
  const user = await parts.users.find(accountId);
  const notice = { kind: 'factor-added', method: 'totp' } as const;
  currentUnit()?.joinStep(user ? parts.notices.about(notice, user, doorState(ctx)) : []);
  const nextHref = await parts.interactions.prove(ctx, withFactor(proof));
  showPage(ctx, {
    views: parts.views,
    page: 'interaction/recovery-codes',
    locals: { app: interaction.app, recoveryCodes: outcome.recoveryCodes, nextHref },
  });
}
