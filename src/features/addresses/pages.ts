import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { AppError } from '../../foundation/errors.ts';
import { doorState, field, seeOther, showPage } from '../../foundation/http/door.ts';
import type { PageLocals } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import { busyProblem, throttledProblem } from '../../foundation/views/waiting.ts';
import type { Devices } from '../devices/module.ts';
import type { Passwords } from '../passwords/module.ts';
import { currentUnit, type SignInSessions } from '../protocol/module.ts';
import type { ChangeAddress } from './change-address.ts';
import type { PendingChange, UndoableChange } from './store.ts';

export interface AddressPagesParts {
  readonly clock: Clock;
  readonly views: Views;
  readonly devices: Pick<Devices, 'known'>;
  readonly passwords: Passwords;
  readonly sessions: Pick<SignInSessions, 'accountOf'>;
  readonly change: ChangeAddress;
}

const keyOf = (ctx: Context): string => (typeof ctx.query['key'] === 'string' ? ctx.query['key'] : '');

/** Mounts the pages of the two links. Shown by GET, used by POST: programs that look into mails follow links. */
export function mountAddresses(router: Router, parts: AddressPagesParts): void {
  router.get('/email/confirm', async (ctx) => {
    const change = await parts.change.pending(keyOf(ctx));
    if (change) await showConfirm(ctx, parts, change);
    else linkOver(ctx, parts);
  });
  router.post('/email/confirm', async (ctx) => {
    const change = await parts.change.pending(keyOf(ctx));
    if (change) await confirm(ctx, parts, change);
    else linkOver(ctx, parts);
  });
  router.get('/email/undo', async (ctx) => {
    const change = await parts.change.undoable(keyOf(ctx));
    if (change) showUndo(ctx, parts, change, false);
    else linkOver(ctx, parts);
  });
  router.post('/email/undo', async (ctx) => {
    const change = await parts.change.undoable(keyOf(ctx));
    if (change) await undo(ctx, parts, change);
    else linkOver(ctx, parts);
  });
  router.get('/email/done', (ctx) => {
    const what = ctx.query['what'] === 'undone' ? 'undone' : 'changed';
    const passwordHref = `/reset?key=${encodeURIComponent(keyOf(ctx))}`;
    showPage(ctx, { views: parts.views, page: 'address/done', locals: { what, passwordHref } });
  });
}

const hasCode = (error: unknown, code: string): boolean => error instanceof AppError && error.code === code;

async function confirm(ctx: Context, parts: AddressPagesParts, change: PendingChange): Promise<void> {
  const problem = await proven(ctx, parts, change);
  if (problem) return showConfirm(ctx, parts, change, problem);
  try {
    await parts.change.confirm(change, doorState(ctx));
    seeOther(ctx, '/email/done?what=changed');
  } catch (error) {
    if (!hasCode(error, 'store_conflict') && !hasCode(error, 'user_email_taken')) throw error;
    linkOver(ctx, parts);
  }
}

type Problem = PageLocals['address/confirm']['problem'];

/**
 * The link shows whose mailbox it is, not whose account. Where that person is not signed in the password is asked for,
 * or a click of a stranger, to whose address a thief of sessions had it sent, would hand the account to them.
 */
async function proven(ctx: Context, parts: AddressPagesParts, { userId }: PendingChange): Promise<Problem> {
  if (await isOwner(ctx, parts, userId)) return undefined;
  const at = { address: doorState(ctx).facts.ip, device: await parts.devices.known(ctx.cookies, userId) };
  try {
    const proof = await parts.passwords.prove(userId, field(ctx, 'password'), at);
    if (proof.kind === 'right') return undefined;
    tellRefusal(userId, proof.kind);
    return proof.kind === 'throttled' ? throttledProblem(parts.clock, proof.retryAfterSeconds) : { kind: proof.kind };
  } catch (error) {
    const busy = busyProblem(error);
    if (!busy) throw error;
    return busy;
  }
}

function tellRefusal(subject: string, kind: 'missing' | 'wrong' | 'throttled'): void {
  if (kind === 'missing') return;
  const common = { type: 'signin.failed', actor: { kind: 'anonymous' }, subject, details: { at: 'email' } } as const;
  const wrong = { outcome: 'failure', reason: 'wrong_password' } as const;
  currentUnit()?.events.push({
    ...common,
    ...(kind === 'wrong' ? wrong : ({ outcome: 'denied', reason: 'throttled' } as const)),
  });
}

const isOwner = async (ctx: Context, { sessions }: AddressPagesParts, userId: string): Promise<boolean> =>
  (await sessions.accountOf(ctx)) === userId;

const statuses = { missing: 400, wrong: 401, throttled: 429, busy: 503 } as const;

async function showConfirm(
  ctx: Context,
  parts: AddressPagesParts,
  { email, userId }: PendingChange,
  problem?: Problem,
): Promise<void> {
  if (problem && 'retryAfter' in problem) ctx.set('Retry-After', String(problem.retryAfter));
  const needsPassword = !(await isOwner(ctx, parts, userId));
  showPage(ctx, {
    views: parts.views,
    page: 'address/confirm',
    status: problem ? statuses[problem.kind] : 200,
    locals: { action: `/email/confirm${ctx.search}`, email, needsPassword, problem },
  });
}

async function undo(ctx: Context, parts: AddressPagesParts, change: UndoableChange): Promise<void> {
  try {
    const secret = await parts.change.undo(change, doorState(ctx));
    seeOther(ctx, `/email/done?what=undone&key=${secret}`);
  } catch (error) {
    if (hasCode(error, 'user_email_taken')) showUndo(ctx, parts, change, true);
    else if (hasCode(error, 'store_conflict')) linkOver(ctx, parts);
    else throw error;
  }
}

function showUndo(
  ctx: Context,
  { views }: AddressPagesParts,
  { formerEmail, email }: UndoableChange,
  isTaken: boolean,
): void {
  const locals = { action: `/email/undo${ctx.search}`, formerEmail, email, isTaken };
  showPage(ctx, { views, page: 'address/undo', status: isTaken ? 409 : 200, locals });
}

/** Whether it was used, replaced, ran out or never existed is nobody's business. */
function linkOver(ctx: Context, { views, clock }: AddressPagesParts): void {
  const reference = { code: 'link_not_usable', reference: doorState(ctx).requestId, time: clock.now() };
  showPage(ctx, { views, page: 'address/link', status: 410, locals: reference });
}
