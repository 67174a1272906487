import type Router from '@koa/router';
import type { Context } from 'koa';
import { field, seeOther, showPage } from '../../foundation/http/door.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { CodeProblem } from '../../foundation/views/step-pages.ts';
import { codeProblem, drawQr, type Enrolment, type Mfa } from '../mfa/module.ts';
import type { Passkeys } from '../passkeys/module.ts';
import { currentUnit, multiFactor } from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import { ownEvent } from './events.ts';
import type { Visitor } from './visitor.ts';
import { arriveFresh, inform, tell, tryPlace, type VisitorParts } from './visitor-pages.ts';

export interface FactorPagesParts extends VisitorParts {
  readonly views: Views;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly mfa: Mfa;
  readonly passkeys: Passkeys;
}

export const codeStatuses = { missing: 400, wrong: 401, used: 401, expired: 400, throttled: 429 } as const;

/** Mounts the pages of second factors. All of them need a fresh sign-in. */
export function mountFactors(router: Router, parts: FactorPagesParts): void {
  router.get('/account/authenticator', async (ctx) => {
    const visitor = await arriveToEnrol(ctx, parts);
    if (visitor) showForm(ctx, parts, { enrolment: parts.mfa.enrolment.begin(placeOf(visitor), visitor.user.email) });
  });

  router.post('/account/authenticator', async (ctx) => {
    const visitor = await arriveToEnrol(ctx, parts);
    if (visitor) await enrol(ctx, parts, visitor);
  });

  router.post('/account/recovery-codes', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'account');
    if (!visitor) return;
    if (!(await parts.mfa.has(visitor.user.id))) return seeOther(ctx, '/account');
    const { codes, operations } = parts.mfa.newRecoveryCodes(visitor.user.id);
    currentUnit()?.joinStep(operations);
    tell(ownEvent(visitor.user, 'recovery.regenerated'));
    inform(ctx, parts, visitor, { kind: 'recovery-regenerated' });
    showCodes(ctx, parts, codes);
  });
}

/** Whoever may set an app up: nobody who has one, and nobody where there are to be none. */
async function arriveToEnrol(ctx: Context, parts: FactorPagesParts): Promise<Visitor | undefined> {
  const visitor = await arriveFresh(ctx, parts, 'authenticator');
  if (!visitor) return undefined;
  const { totp } = await parts.mfa.factors(visitor.user.id);
  const isOpen = parts.mfa.policies.forRoles(visitor.user.roles) !== 'off' && !totp;
  if (isOpen) return visitor;
  seeOther(ctx, '/account');
  return undefined;
}

/** For whom a factor is shown or set up, and in which sign-in. */
export const placeOf = ({ user, signIn }: Visitor) => ({ userId: user.id, scope: `session ${signIn.id}` });

function showForm(
  ctx: Context,
  { views }: FactorPagesParts,
  { enrolment, problem }: { enrolment: Enrolment; problem?: CodeProblem | undefined },
): void {
  if (problem?.kind === 'throttled') ctx.set('Retry-After', String(problem.retryAfter));
  const { secret, uri, sealed } = enrolment;
  showPage(ctx, {
    views,
    page: 'account/authenticator',
    status: problem ? codeStatuses[problem.kind] : 200,
    locals: { totp: { secret, uri, qr: drawQr(uri), hidden: { enrolment: sealed } }, problem },
  });
}

async function enrol(ctx: Context, parts: FactorPagesParts, visitor: Visitor): Promise<void> {
  const { enrolment } = parts.mfa;
  const place = placeOf(visitor);
  const sealed = field(ctx, 'enrolment');
  const hasCodes = await parts.passkeys.has(visitor.user.id);
  const form = { sealed, code: field(ctx, 'code'), hasCodes, ...(await tryPlace(ctx, parts, visitor)) };
  const outcome = enrolment.confirm(place, form);
  if (outcome.kind !== 'enrolled') {
    const { email } = visitor.user;
    const again = enrolment.again(place, sealed, email) ?? enrolment.begin(place, email);
    return showForm(ctx, parts, { enrolment: again, problem: codeProblem(parts.clock, outcome) });
  }
  currentUnit()?.joinStep(outcome.operations);
  tell(ownEvent(visitor.user, 'factor.added', { method: 'totp' }));
  inform(ctx, parts, visitor, { kind: 'factor-added', method: 'totp' });
  // The code was shown in this very session: it would be asked for again on the next page.
  await parts.sessions.raise(ctx, { amr: ['otp', 'mfa'], acr: multiFactor });
  if (hasCodes) {
    currentUnit()?.joinStep([parts.devices.forgetAll(visitor.user.id)]);
    return seeOther(ctx, '/account?done=factor-added');
  }
  showCodes(ctx, parts, outcome.recoveryCodes);
}

/** Shows new recovery codes, this once. */
export function showCodes(ctx: Context, { views }: FactorPagesParts, recoveryCodes: readonly string[]): void {
  showPage(ctx, { views, page: 'account/recovery-codes', locals: { recoveryCodes } });
}
