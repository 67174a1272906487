import type Router from '@koa/router';
import type { Context } from 'koa';
import { field, hasField, seeOther, showPage } from '../../foundation/http/door.ts';
import type { PasskeyProblem } from '../../foundation/views/pages.ts';
import type { CodeProblem } from '../../foundation/views/step-pages.ts';
import { codeProblem } from '../mfa/module.ts';
import type { Passkey } from '../passkeys/module.ts';
import { currentUnit } from '../protocol/module.ts';
import { ownEvent, refusalEvent } from './events.ts';
import { codeStatuses, placeOf } from './factor-pages.ts';
import { type AccountPagesParts, showAccount } from './pages.ts';
import { passkeyOf } from './passkey-pages.ts';
import type { Visitor } from './visitor.ts';
import { arriveFresh, inform, tell, tryPlace } from './visitor-pages.ts';
import { keepWayIn } from './ways-in.ts';

/** Mounts how factors go. All of it needs a fresh sign-in. */
export function mountRemovals(router: Router, parts: AccountPagesParts): void {
  router.post('/account/authenticator/remove', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'account');
    if (!visitor) return;
    const { totp } = await parts.mfa.factors(visitor.user.id);
    if (!totp) return seeOther(ctx, '/account');
    await removeFactor(ctx, parts, visitor, { action: '/account/authenticator/remove' });
  });

  router.post('/account/passkeys/remove', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'passkeys');
    if (!visitor) return;
    const passkey = await passkeyOf(ctx, parts, visitor);
    if (!passkey) return seeOther(ctx, '/account');
    if (!(await keepWayIn(parts, visitor.user.id, { passkey: passkey.id }))) return refuseLast(ctx, parts, visitor);
    await removeFactor(ctx, parts, visitor, { action: '/account/passkeys/remove', passkey });
  });
}

/** What is to be removed: a passkey, or the app. */
interface Removal {
  /** Where the page's forms post. */
  readonly action: string;
  readonly passkey?: Passkey | undefined;
}

/** Why no factor was shown. */
interface Problems {
  readonly problem?: CodeProblem | undefined;
  readonly confirmProblem?: PasskeyProblem | undefined;
}

/** A factor goes by showing one: a session that was left open, or stolen, must not be enough to take it away. */
async function removeFactor(ctx: Context, parts: AccountPagesParts, visitor: Visitor, removal: Removal): Promise<void> {
  // The button on the page before brings no proof yet.
  if (!hasField(ctx, 'code') && !hasField(ctx, 'credential')) return showRemoval(ctx, parts, visitor, { removal });
  const { user } = visitor;
  const outcome = await verify(ctx, parts, visitor);
  if (outcome.kind !== 'right') {
    if (outcome.kind === 'wrong') tell(refusalEvent(user, outcome.reason));
    if (outcome.kind === 'throttled') tell(refusalEvent(user, 'throttled'));
    return showRemoval(ctx, parts, visitor, { removal, ...problemsOf(ctx, parts, outcome) });
  }
  // What was shown first: once the factor is gone there is no step or counter left to use up.
  currentUnit()?.joinStep('operations' in outcome ? outcome.operations : [outcome.use], 'consume');
  await finish(ctx, parts, visitor, removal);
}

/** Somebody whose only way in this is would have none: no factor is asked for. */
const refuseLast = (ctx: Context, parts: AccountPagesParts, visitor: Visitor): Promise<void> =>
  showAccount(ctx, parts, visitor, { passkeyProblem: 'last', status: 409 });

/** A factor was shown: the other one goes. */
async function finish(ctx: Context, parts: AccountPagesParts, visitor: Visitor, { passkey }: Removal): Promise<void> {
  const { user } = visitor;
  currentUnit()?.joinStep(await parts.mfa.removal(user.id, passkey?.id));
  tell(ownEvent(user, 'factor.removed', passkey ? { method: 'passkey', passkey: passkey.id } : { method: 'totp' }));
  inform(ctx, parts, visitor, { kind: 'factor-removed', method: passkey ? 'passkey' : 'totp' });
  seeOther(ctx, `/account?done=${passkey ? 'passkey-removed' : 'factor-removed'}`);
}

/** Checks what was sent: a signature of a passkey, or a code. */
async function verify(ctx: Context, parts: AccountPagesParts, visitor: Visitor) {
  const at = await tryPlace(ctx, parts, visitor);
  if (!hasField(ctx, 'credential'))
    return parts.mfa.verify({ userId: visitor.user.id, code: field(ctx, 'code'), ...at });
  const { address, device } = at;
  const form = { challenge: field(ctx, 'challenge'), credential: field(ctx, 'credential'), address };
  return parts.passkeys.signature.verify(placeOf(visitor), { ...form, deviceOf: async () => device });
}

type Refused = Exclude<Awaited<ReturnType<typeof verify>>, { kind: 'right' }>;

function problemsOf(ctx: Context, { clock }: AccountPagesParts, outcome: Refused): Problems {
  const isSignature = hasField(ctx, 'credential') && outcome.kind !== 'throttled';
  return isSignature ? { confirmProblem: outcome.kind } : { problem: codeProblem(clock, outcome) };
}

async function showRemoval(
  ctx: Context,
  { views, mfa, passkeys }: AccountPagesParts,
  visitor: Visitor,
  { removal, problem, confirmProblem }: Problems & { readonly removal: Removal },
): Promise<void> {
  if (problem?.kind === 'throttled') ctx.set('Retry-After', String(problem.retryAfter));
  const { action, passkey } = removal;
  const factors = await mfa.factors(visitor.user.id);
  const request = factors.passkeys.length > 0 ? await passkeys.signature.begin(placeOf(visitor)) : undefined;
  const kind = problem?.kind ?? confirmProblem;
  showPage(ctx, {
    views,
    page: 'account/remove-factor',
    status: kind ? codeStatuses[kind] : 200,
    locals: {
      action,
      hidden: passkey && { passkey: passkey.id },
      passkeyName: passkey?.name,
      last: factors.passkeys.length + (factors.totp ? 1 : 0) === 1,
      confirm: request && { ...request, action },
      problem,
      confirmProblem,
    },
  });
}
