import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { doorState, seeOther } from '../../foundation/http/door.ts';
import type { AuditEvent, By } from '../audit/module.ts';
import type { Devices } from '../devices/module.ts';
import type { Notice, Notices } from '../notices/module.ts';
import { currentUnit, type SignInSessions } from '../protocol/module.ts';
import type { TryPlace } from '../throttle/module.ts';
import type { Users } from '../users/module.ts';
import { isFresh, signInAddress, type Visitor } from './visitor.ts';

/** What finding out takes who is at the door of an account page. */
export interface VisitorParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly users: Users;
  readonly sessions: SignInSessions;
  readonly notices: Notices;
  readonly devices: Pick<Devices, 'known' | 'forgetAll'>;
}

/** The person of this browser's sign-in, while the account may be used. */
export async function visitorOf(ctx: Context, { sessions, users }: VisitorParts): Promise<Visitor | undefined> {
  const signIn = await sessions.current(ctx);
  const user = signIn && (await users.find(signIn.accountId));
  return user && user.disabledAt === undefined ? { user, signIn } : undefined;
}

/** The person of this browser; without one, the answer leads to the front door. */
export async function arrive(ctx: Context, parts: VisitorParts): Promise<Visitor | undefined> {
  const visitor = await visitorOf(ctx, parts);
  if (!visitor) seeOther(ctx, '/account');
  return visitor;
}

/** The person of this browser who signed in a short while ago; otherwise the answer asks them to do it again. */
export async function arriveFresh(ctx: Context, parts: VisitorParts, state: string): Promise<Visitor | undefined> {
  const visitor = await arrive(ctx, parts);
  if (!visitor || isFresh(visitor, parts.clock)) return visitor;
  seeOther(ctx, signInAddress(parts.issuer, { state, again: visitor.user }));
  return undefined;
}

/** Has the request tell of something that it did. */
export const tell = (event: AuditEvent): void => void currentUnit()?.events.push(event);

/** Who does it, and through which request. */
export const byVisitor = (ctx: Context, { user }: Visitor): By => ({
  actor: { kind: 'user', id: user.id },
  facts: doorState(ctx).facts,
});

/** Where this request tries a secret of the person's. */
export async function tryPlace(ctx: Context, { devices }: VisitorParts, { user }: Visitor): Promise<TryPlace> {
  return { address: doorState(ctx).facts.ip, device: await devices.known(ctx.cookies, user.id) };
}

/** Has the person learn of it by mail, with the change that this request makes. */
export const inform = (ctx: Context, { notices }: VisitorParts, { user }: Visitor, notice: Notice): void =>
  currentUnit()?.joinStep(notices.about(notice, user, doorState(ctx)));
