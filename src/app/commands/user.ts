import { byOperator } from '../../features/audit/module.ts';
import type { Mfa } from '../../features/mfa/module.ts';
import type { Notices } from '../../features/notices/module.ts';
import type { Passwords } from '../../features/passwords/module.ts';
import { resetLinkSeconds } from '../../features/recovery/module.ts';
import { invitationSeconds } from '../../features/registration/module.ts';
import type { Unlocks } from '../../features/throttle/module.ts';
import { type AccountEndings, newUserSchema, type User, type Users } from '../../features/users/module.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { AppError } from '../../foundation/errors.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { isoTime, table, writeResult } from './result.ts';

/** What the user commands need. */
export interface UserCommandApp {
  readonly users: Users;
  readonly mfa: Pick<Mfa, 'reset'>;
  readonly passwords: Pick<Passwords, 'has'>;
  readonly notices: Notices;
  readonly database: Pick<Database, 'commit'>;
  readonly unlocks: Pick<Unlocks, 'open'>;
  readonly deletions: { cancel(userId: string): Operation; lock(userId: string): Operation };
  /** Ends the sessions, grants and tokens of an account. */
  readonly endings: AccountEndings;
  /** Files the back-channel logout notices for those sessions. */
  readonly logoutNotices: AccountEndings;
  /** The address of the reset page for a link's secret. */
  readonly resetUrl: (secret: string) => string;
  /** The address of the page for an invitation's secret. */
  readonly invitationUrl: (secret: string) => string;
}

interface OneUser {
  /** E-mail address or username. */
  readonly login: string;
}

/** An account as commands show it. */
const asResource = (user: User) => ({
  id: user.id,
  email: user.email,
  email_verified: user.emailVerified,
  ...(user.username === undefined ? {} : { username: user.username }),
  disabled: user.disabledAt !== undefined,
  roles: user.roles,
  claims: user.claims,
  created_at: isoTime(user.createdAt),
  updated_at: isoTime(user.updatedAt),
});

const asText = (user: User): string =>
  [
    `${user.email}${user.emailVerified ? '' : ' (not verified)'}`,
    `  id        ${user.id}`,
    ...(user.username === undefined ? [] : [`  username  ${user.username}`]),
    `  state     ${user.disabledAt === undefined ? 'enabled' : `disabled since ${isoTime(user.disabledAt)}`}`,
    `  roles     ${user.roles.join(', ') || 'none'}`,
    `  claims    ${JSON.stringify(user.claims)}`,
  ].join('\n');

async function mustFind(users: Users, login: string): Promise<User> {
  const user = (await users.findByLogin(login)) ?? (await users.find(login));
  if (user === undefined) throw new AppError('user_unknown', 404, `There is no account ${login}.`);
  return user;
}

const everything =
  (app: UserCommandApp): AccountEndings =>
  async (id, reason) => [...(await app.logoutNotices(id, reason)), ...(await app.endings(id, reason))];

/** `postern user list` */
export async function userList(io: CommandIo, { users }: UserCommandApp, args: { limit: number }): Promise<ExitCode> {
  const found = await users.list({ limit: args.limit });
  const rows = found.map((user) => [
    user.email,
    user.id,
    user.disabledAt === undefined ? 'enabled' : 'disabled',
    user.roles.join(' '),
  ]);
  if (found.length === args.limit) io.err(`Only the first ${args.limit} accounts are shown; --limit shows more.\n`);
  writeResult(io, found.map(asResource), table([['E-MAIL', 'ID', 'STATE', 'ROLES'], ...rows]));
  return 0;
}

/** `postern user show EMAIL` */
export async function userShow(io: CommandIo, { users }: UserCommandApp, { login }: OneUser): Promise<ExitCode> {
  const user = await mustFind(users, login);
  writeResult(io, asResource(user), asText(user));
  return 0;
}

/** `postern user disable EMAIL` */
export async function userDisable(io: CommandIo, app: UserCommandApp, { login }: OneUser): Promise<ExitCode> {
  const { id, email } = await mustFind(app.users, login);
  const done = await app.users.disable(id, byOperator, async () => [
    ...(await everything(app)(id, 'disabled')),
    // Who is about to leave must not let themselves in again by staying.
    app.deletions.lock(id),
  ]);
  io.err(done ? `${email} is disabled; all sessions and tokens have ended.\n` : `${email} was disabled already.\n`);
  return showResource(io, app, id);
}

/** `postern user enable EMAIL` */
export async function userEnable(io: CommandIo, app: UserCommandApp, { login }: OneUser): Promise<ExitCode> {
  const { id, email } = await mustFind(app.users, login);
  const done = await app.users.enable(id, byOperator, async () => [
    ...(await everything(app)(id, 'disabled')),
    app.deletions.cancel(id),
  ]);
  io.err(done ? `${email} may sign in again; what had ended stays ended.\n` : `${email} was enabled already.\n`);
  return showResource(io, app, id);
}

/** `postern user sign-out EMAIL` */
export async function userSignOut(io: CommandIo, app: UserCommandApp, { login }: OneUser): Promise<ExitCode> {
  const { id, email } = await mustFind(app.users, login);
  await app.users.signOut(id, byOperator, everything(app));
  io.err(`${email} is signed out everywhere; apps that asked for it are being told.\n`);
  return showResource(io, app, id);
}

/** `postern user reset-link EMAIL`: for who knows the person by other means than their mailbox. */
export async function userResetLink(io: CommandIo, app: UserCommandApp, { login }: OneUser): Promise<ExitCode> {
  const { id, email, disabledAt } = await mustFind(app.users, login);
  if (disabledAt !== undefined) throw new AppError('user_disabled', 409, `${email} is disabled. Nothing was changed.`);
  const options = { ttlSeconds: resetLinkSeconds, subject: id };
  const { secret, expiresAt } = await app.users.links.create('reset', options, byOperator);
  const url = app.resetUrl(secret);
  io.err(`This link works once, until ${isoTime(expiresAt)}. Whoever opens it sets the password of ${email}.\n`);
  writeResult(io, { url, expires_at: isoTime(expiresAt) }, url);
  return 0;
}

/** `postern user reset-factors EMAIL` */
export async function userResetFactors(io: CommandIo, app: UserCommandApp, { login }: OneUser): Promise<ExitCode> {
  const user = await mustFind(app.users, login);
  const { id, email, claims } = user;
  // Nobody's request is at hand: the person's own claims say in which language they read.
  const context = { language: claims.locale ?? 'en', facts: {} };
  const informing = app.notices.about({ kind: 'factors-reset' }, user, context);
  const done = await app.mfa.reset(id, byOperator, informing);
  io.err(done ? `${email} has no second factor any more.\n` : `${email} had no second factor.\n`);
  // Passkeys went with them: they may have been the only way in.
  if (done && !(await app.passwords.has(id))) {
    io.err(`They have no password: postern user reset-link ${email} prints a link with which they set one.\n`);
  }
  return showResource(io, app, id);
}

/** `postern user unlock EMAIL` */
export async function userUnlock(io: CommandIo, app: UserCommandApp, { login }: OneUser): Promise<ExitCode> {
  const { id, email } = await mustFind(app.users, login);
  await app.database.commit({ operations: app.unlocks.open(id, byOperator), fallback: [] });
  io.err(`${email} is not locked any more; what was counted before is forgotten.\n`);
  return showResource(io, app, id);
}

/** `postern user invite EMAIL`: a link for somebody who has no account yet. */
export async function userInvite(io: CommandIo, app: UserCommandApp, args: { email: string }): Promise<ExitCode> {
  const { success, data: email } = newUserSchema.shape.email.safeParse(args.email);
  if (!success) throw new AppError('user_refused', 400, `${args.email} is no e-mail address. Nothing was changed.`);
  if (await app.users.findByLogin(email))
    throw new AppError('user_email_taken', 409, `${email} has an account. Nothing was changed.`);
  const options = { ttlSeconds: invitationSeconds, subject: email };
  const { secret, expiresAt } = await app.users.links.create('invite', options, byOperator);
  const url = app.invitationUrl(secret);
  io.err(`This link works once, until ${isoTime(expiresAt)}. Whoever opens it makes the account ${email}.\n`);
  writeResult(io, { url, expires_at: isoTime(expiresAt) }, url);
  return 0;
}

async function showResource(io: CommandIo, app: UserCommandApp, id: string): Promise<ExitCode> {
  if (io.json) writeResult(io, asResource(await mustFind(app.users, id)), '');
  return 0;
}
