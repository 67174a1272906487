import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { AppError } from '../../foundation/errors.ts';
import { doorState, seeOther, showPage } from '../../foundation/http/door.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { User } from '../users/module.ts';
import { type ThrowOutParts, throwOut } from './throw-out.ts';
import { type UnlockAccountParts, unlockAccount } from './unlock-account.ts';

export interface SafeguardPagesParts extends UnlockAccountParts, ThrowOutParts {
  readonly clock: Clock;
  readonly views: Views;
}

/** Mounts the pages of the links that come with notices: shown by GET, used by POST, since scanners follow links. */
export function mountSafeguards(router: Router, parts: SafeguardPagesParts): void {
  const { views } = parts;
  router.get('/unlock', async (ctx) => {
    const user = await owner(ctx, parts, 'unlock');
    if (!user) return;
    const locals = {
      kind: 'unlock',
      action: `/unlock?key=${encodeURIComponent(keyOf(ctx))}`,
      email: user.email,
    } as const;
    showPage(ctx, { views, page: 'safeguards/confirm', locals });
  });

  router.post('/unlock', async (ctx) => {
    const user = await owner(ctx, parts, 'unlock');
    if (user) await unlock(ctx, parts, user);
  });

  router.get('/not-me', async (ctx) => {
    const user = await owner(ctx, parts, 'not-me');
    if (!user) return;
    const action = `/not-me?key=${encodeURIComponent(keyOf(ctx))}`;
    showPage(ctx, { views, page: 'safeguards/confirm', locals: { kind: 'not-me', action, email: user.email } });
  });

  router.post('/not-me', async (ctx) => {
    const user = await owner(ctx, parts, 'not-me');
    if (user) await disown(ctx, parts, user);
  });

  router.get('/unlock/done', (ctx) => showPage(ctx, { views, page: 'safeguards/done', locals: { kind: 'unlock' } }));
}

const keyOf = (ctx: Context): string => (typeof ctx.query['key'] === 'string' ? ctx.query['key'] : '');

/** Whose link it is, while it works; else says that it does not. */
async function owner(
  ctx: Context,
  parts: SafeguardPagesParts,
  purpose: 'unlock' | 'not-me',
): Promise<User | undefined> {
  const link = await parts.users.links.peek(purpose, keyOf(ctx));
  const user = link?.subject === undefined ? undefined : await parts.users.find(link.subject);
  if (user && (user.disabledAt === undefined || (await isSentAway(parts, purpose, user)))) return user;
  linkOver(ctx, parts);
  return undefined;
}

/** Whoever signed in may have deleted the account, which must not end its owner's way to take it back. */
const isSentAway = async ({ deletions }: SafeguardPagesParts, purpose: string, { id }: User): Promise<boolean> =>
  purpose === 'not-me' && deletions.isUndoable(id);

async function unlock(ctx: Context, parts: SafeguardPagesParts, user: User): Promise<void> {
  const by = { actor: { kind: 'anonymous', name: 'unlock link' }, facts: doorState(ctx).facts } as const;
  await unlessUsed(ctx, parts, async () => {
    await unlockAccount(parts, user, keyOf(ctx), by);
    seeOther(ctx, '/unlock/done');
  });
}

async function disown(ctx: Context, parts: SafeguardPagesParts, user: User): Promise<void> {
  const by = { actor: { kind: 'anonymous', name: 'not-me link' }, facts: doorState(ctx).facts } as const;
  await unlessUsed(ctx, parts, async () => {
    const secret = await throwOut(parts, { user, secret: keyOf(ctx), language: doorState(ctx).language }, by);
    // Whoever signed in knows the password: the next thing is another one.
    seeOther(ctx, `/reset?key=${secret}`);
  });
}

/** Somebody else may have used the link meanwhile. */
async function unlessUsed(ctx: Context, parts: SafeguardPagesParts, use: () => Promise<void>): Promise<void> {
  try {
    await use();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'store_conflict') throw error;
    linkOver(ctx, parts);
  }
}

/** Whether it was used, ran out or never existed is nobody's business. */
function linkOver(ctx: Context, { views, clock }: SafeguardPagesParts): void {
  const reference = { code: 'link_not_usable', reference: doorState(ctx).requestId, time: clock.now() };
  showPage(ctx, { views, page: 'safeguards/link', status: 410, locals: reference });
}
