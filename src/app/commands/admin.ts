import { readFile } from 'node:fs/promises';
import { byOperator } from '../../features/audit/module.ts';
import type { Passwords } from '../../features/passwords/module.ts';
import { newUserSchema, type User, type Users } from '../../features/users/module.ts';
import { AppError } from '../../foundation/errors.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { isoTime, writeResult } from './result.ts';

/** What the admin commands need. */
export interface AdminCommandApp {
  readonly users: Users;
  readonly passwords: Passwords;
  /** The address of the set-up page for a link's secret: absolute, beginning `ISSUER/setup`. */
  readonly setUpUrl: (secret: string) => string;
}

export interface AdminCreateArgs {
  readonly email: string;
  /** A file whose text is the password; a line break at its end does not count. */
  readonly passwordFile?: string | undefined;
}

const createTtlSeconds = 24 * 3600;
const recoverTtlSeconds = 3600;

/** `postern admin create --email E [--password-file F]`: an administrator, or a link with which E becomes one. */
export async function adminCreate(io: CommandIo, app: AdminCommandApp, args: AdminCreateArgs): Promise<ExitCode> {
  if (args.passwordFile === undefined) {
    assertAddress(args.email);
    return writeLink(io, app, { ttlSeconds: createTtlSeconds, subject: args.email });
  }
  const password = await readPassword(args.passwordFile);
  const user = await makeAdministrator(app, args.email, password);
  io.err(`${user.email} is an administrator.\n`);
  const resource = {
    id: user.id,
    email: user.email,
    email_verified: user.emailVerified,
    disabled: user.disabledAt !== undefined,
  };
  writeResult(io, resource, `id: ${user.id}\nemail: ${user.email}`);
  return 0;
}

/** `postern admin recover`: a link with which whoever holds it becomes an administrator. */
export async function adminRecover(io: CommandIo, app: AdminCommandApp): Promise<ExitCode> {
  return writeLink(io, app, { ttlSeconds: recoverTtlSeconds });
}

/** Before the former link is made void for one that nobody could use. */
function assertAddress(email: string): void {
  if (newUserSchema.shape.email.safeParse(email).success) return;
  throw new AppError('user_refused', 400, '--email must be an e-mail address. Nothing was changed.');
}

async function makeAdministrator(
  { users, passwords }: AdminCommandApp,
  email: string,
  password: string,
): Promise<User> {
  const setPassword = (id: string) => passwords.set(id, password, { email }, byOperator);
  const known = await users.findByLogin(email);
  // The operator vouches for the address: there is nobody else who could.
  if (known === undefined)
    return users.create({ email, email_verified: true, roles: ['super-admin'] }, byOperator, setPassword);
  const given = await users.assignRole(known.id, 'super-admin', byOperator, setPassword);
  if (!given)
    throw new AppError('admin_exists', 409, `${known.email} is an administrator already. Nothing was changed.`);
  return known;
}

async function writeLink(
  io: CommandIo,
  app: AdminCommandApp,
  options: { ttlSeconds: number; subject?: string },
): Promise<ExitCode> {
  const { secret, expiresAt } = await app.users.links.create('set-up', options, byOperator);
  const url = app.setUpUrl(secret);
  io.err(`This link works once, until ${isoTime(expiresAt)}. Whoever opens it becomes an administrator.\n`);
  writeResult(io, { url, expires_at: isoTime(expiresAt) }, url);
  return 0;
}

async function readPassword(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    throw new AppError('password_file', 400, `The password file ${file} cannot be read.`, { cause });
  }
}
