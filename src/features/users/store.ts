import type { Clock } from '../../foundation/clock.ts';
import type { Database, Transaction } from '../../foundation/db/database.ts';
import { violates } from '../../foundation/db/errors.ts';
import { type Operation, type Row, statement } from '../../foundation/db/statement.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { EmailChange } from './change-email.ts';
import { loginKey } from './login-key.ts';
import type { Claims } from './schema.ts';
import { type LinkPurpose, type OneTimeLink, type Role, roles, type User } from './user.ts';

interface UserRow extends Row {
  readonly id: string;
  readonly email: string;
  readonly email_verified: number;
  readonly username: string | null;
  readonly claims: string;
  readonly disabled_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly role: string | null;
}

const select = `SELECT u.id, u.email, CASE WHEN u.email_verified THEN 1 ELSE 0 END AS email_verified, u.username, u.claims,
  u.disabled_at, u.created_at, u.updated_at, r.role FROM users u LEFT JOIN role_assignments r ON r.user_id = u.id`;

const findById = statement('user_by_id', `${select} WHERE u.id = ?1`);
// An address has an @ and a username has none, so a login is one or the other and never finds two people.
const findByLogin = statement('user_by_login', `${select} WHERE u.email_key = ?1 OR u.username_key = ?1`);
const findRole = statement('role_exists', 'SELECT id FROM role_assignments WHERE role = ?1 LIMIT 1');

/**
 * Other administrators who may sign in, held until the end of the transaction. Two who leave at once wait for each other:
 * the database lets one of them through, and the other finds nobody left.
 */
const otherAdministrators = `SELECT u.id FROM users u JOIN role_assignments r ON r.user_id = u.id
  WHERE r.role = 'super-admin' AND u.id <> ?1 AND u.disabled_at IS NULL`;
const holdOtherAdministrator = statement('user_hold_other_administrator', {
  sqlite: otherAdministrators,
  postgresql: `${otherAdministrators} FOR UPDATE`,
  mysql: `${otherAdministrators} FOR UPDATE`,
});
const findOtherAdministrator = statement('user_other_administrator', `${otherAdministrators} LIMIT 1`);
const disabled = 'SELECT id FROM users WHERE id = ?1 AND disabled_at IS NOT NULL';
const holdDisabled = statement('user_hold_disabled', {
  sqlite: disabled,
  postgresql: `${disabled} FOR UPDATE`,
  mysql: `${disabled} FOR UPDATE`,
});
const own = 'SELECT id FROM users WHERE id = ?1';
const hold = statement('user_hold', {
  sqlite: own,
  postgresql: `${own} FOR UPDATE`,
  mysql: `${own} FOR UPDATE`,
});
const enable = statement(
  'user_enable',
  'UPDATE users SET disabled_at = NULL, updated_at = ?2 WHERE id = ?1 AND disabled_at IS NOT NULL',
);
const eraseRoles = statement('user_erase_roles', 'DELETE FROM role_assignments WHERE user_id = ?1');
/** Those for the account, and invitations for its address. */
const eraseLinks = statement('user_erase_links', 'DELETE FROM one_time_links WHERE subject = ?1 OR subject = ?2');
const eraseUser = statement('user_erase', 'DELETE FROM users WHERE id = ?1');

/** Only over the claims that the person saw: what an operator changed meanwhile is not undone. */
const putClaims = statement(
  'user_put_claims',
  'UPDATE users SET claims = ?3, updated_at = ?4 WHERE id = ?1 AND claims = ?2',
);

const findLink = statement(
  'link_alive',
  `SELECT subject, expires_at FROM one_time_links
   WHERE id = ?1 AND purpose = ?2 AND used_at IS NULL AND voided_at IS NULL AND expires_at > ?3`,
);
const useLink = statement(
  'link_use',
  `UPDATE one_time_links SET used_at = ?3
   WHERE id = ?1 AND purpose = ?2 AND used_at IS NULL AND voided_at IS NULL AND expires_at > ?3`,
);
const putLink = statement(
  'link_put',
  'INSERT INTO one_time_links (id, purpose, subject, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)',
);
const countLinks = statement(
  'link_count',
  `SELECT count(*) AS n FROM one_time_links
   WHERE purpose = ?1 AND subject = ?2 AND used_at IS NULL AND voided_at IS NULL AND expires_at > ?3`,
);
const oldestLink = statement(
  'link_oldest',
  `SELECT min(created_at) AS created_at FROM one_time_links
   WHERE purpose = ?1 AND subject = ?2 AND used_at IS NULL AND voided_at IS NULL AND expires_at > ?3`,
);
const voidLinksOf = statement(
  'link_void_subject',
  'UPDATE one_time_links SET voided_at = ?3 WHERE purpose = ?1 AND subject = ?2 AND used_at IS NULL AND voided_at IS NULL',
);
const expiredLinks = 'FROM one_time_links WHERE expires_at < ?1 LIMIT 500';
const sweepLinks = statement('link_sweep', {
  sqlite: `DELETE FROM one_time_links WHERE id IN (SELECT id ${expiredLinks})`,
  postgresql: `DELETE FROM one_time_links WHERE id IN (SELECT id ${expiredLinks})`,
  mysql: `DELETE ${expiredLinks}`,
});
const voidLinks = statement(
  'link_void',
  'UPDATE one_time_links SET voided_at = ?2 WHERE purpose = ?1 AND used_at IS NULL AND voided_at IS NULL',
);

/** What an account is stored as, apart from its id and times. */
export interface UserFields {
  readonly email: string;
  readonly emailVerified: boolean;
  readonly username?: string | undefined;
  readonly claims: Claims;
}

export interface UserStore {
  find(id: string): Promise<User | undefined>;
  findByKey(key: string): Promise<User | undefined>;
  list(page: { limit: number; after?: string | undefined }): Promise<User[]>;
  hasAdministrator(): Promise<boolean>;
  insert(tx: Transaction, id: string, fields: UserFields): Promise<void>;
  update(tx: Transaction, id: string, fields: UserFields): Promise<void>;
  /** Must hit: misses when they were changed since the account was read. */
  changeClaims(user: User, claims: Claims): Operation;
  /** False when the address is not the one that it must be. */
  changeEmail(tx: Transaction, id: string, change: EmailChange): Promise<boolean>;
  /** False when it was so already. */
  setDisabled(tx: Transaction, id: string, disabled: boolean): Promise<boolean>;
  addRole(tx: Transaction, userId: string, role: Role): Promise<void>;
  hasOtherAdministrator(id: string): Promise<boolean>;
  /** Must hit: somebody else administers this server, until the transaction ends. */
  holdOtherAdministrator(id: string): Operation;
  /** Must hit: the account is there, and nobody else changes it until the transaction ends. */
  hold(id: string): Operation;
  /** Must hit: lets a disabled account be used again. */
  enable(id: string): Operation;
  /** Must hit: the account is disabled, until the transaction ends. */
  holdDisabled(id: string): Operation;
  /** Removes the account with its roles and links. */
  erase(user: Pick<User, 'id' | 'email'>): Operation[];
  /** Which of the two unique names an error of the database is about. */
  taken(error: unknown): 'email' | 'username' | undefined;
}

export function createUserStore({ database, clock, ids }: { database: Database; clock: Clock; ids: Ids }): UserStore {
  const now = () => BigInt(clock.now());
  const one = async (rows: Promise<UserRow[]>) => collect(await rows)[0];
  return {
    find: (id) => one(database.all<UserRow>(findById, [id])),
    findByKey: (key) => one(database.all<UserRow>(findByLogin, [key])),
    async list({ limit, after }) {
      const rows = await database.prisma.user.findMany({
        ...(after === undefined ? {} : { where: { id: { gt: after } } }),
        orderBy: { id: 'asc' },
        take: limit,
        include: { roles: true },
      });
      return rows.map(toListedUser);
    },
    hasAdministrator: async () => (await database.get(findRole, ['super-admin' satisfies Role])) !== undefined,
    async insert(tx, id, fields) {
      const time = now();
      await tx.user.create({ data: { id, ...toColumns(fields), createdAt: time, updatedAt: time } });
    },
    async update(tx, id, fields) {
      await tx.user.update({ where: { id }, data: { ...toColumns(fields), updatedAt: now() } });
    },
    async changeEmail(tx, id, { from, to }) {
      const { count } = await tx.user.updateMany({
        where: { id, ...(from === undefined ? {} : { emailKey: keyOf(from) }) },
        data: { email: to, emailKey: keyOf(to), emailVerified: true, updatedAt: now() },
      });
      return count === 1;
    },
    async setDisabled(tx, id, disabled) {
      const { count } = await tx.user.updateMany({
        where: { id, disabledAt: disabled ? null : { not: null } },
        data: { disabledAt: disabled ? now() : null, updatedAt: now() },
      });
      return count === 1;
    },
    async addRole(tx, userId, role) {
      await tx.roleAssignment.create({ data: { id: ids.next(), userId, role, createdAt: now() } });
    },
    changeClaims: changeClaims(clock),
    hold: (id) => ({ statement: hold, params: [id], mustHit: true }),
    enable: (id) => ({ statement: enable, params: [id, clock.now()], mustHit: true }),
    ...leaving(database),
    taken(error) {
      if (violates(error, 'email_key')) return 'email';
      return violates(error, 'username_key') ? 'username' : undefined;
    },
  };
}

const changeClaims =
  (clock: Clock): UserStore['changeClaims'] =>
  ({ id, claims: former }, claims) => ({
    statement: putClaims,
    params: [id, JSON.stringify(former), JSON.stringify(claims), clock.now()],
    mustHit: true,
  });

/** What is asked and done when somebody leaves. */
const leaving = (
  database: Database,
): Pick<UserStore, 'hasOtherAdministrator' | 'holdOtherAdministrator' | 'holdDisabled' | 'erase'> => ({
  hasOtherAdministrator: async (id) => (await database.get(findOtherAdministrator, [id])) !== undefined,
  holdOtherAdministrator: (id) => ({ statement: holdOtherAdministrator, params: [id], mustHit: true }),
  holdDisabled: (id) => ({ statement: holdDisabled, params: [id], mustHit: true }),
  erase: ({ id, email }) => [
    { statement: eraseRoles, params: [id], mustHit: false },
    { statement: eraseLinks, params: [id, email], mustHit: false },
    { statement: eraseUser, params: [id], mustHit: false },
  ],
});

const keyOf = (login: string): string => loginKey(login) ?? login;

function toColumns({ email, emailVerified, username, claims }: UserFields) {
  return {
    email,
    emailKey: keyOf(email),
    emailVerified,
    username: username ?? null,
    usernameKey: username === undefined ? null : keyOf(username),
    claims: JSON.stringify(claims),
  };
}

const isRole = (role: string | null): role is Role => roles.some((known) => known === role);

/** A row for each role a person has, or one without: one user each. */
function collect(rows: readonly UserRow[]): User[] {
  const users = new Map<string, User & { roles: Role[] }>();
  for (const row of rows) {
    const user = users.get(row.id) ?? toUser(row);
    if (isRole(row.role)) user.roles.push(row.role);
    users.set(row.id, user);
  }
  return [...users.values()];
}

const toUser = (row: UserRow): User & { roles: Role[] } => ({
  id: row.id,
  email: row.email,
  emailVerified: row.email_verified === 1,
  ...(row.username === null ? {} : { username: row.username }),
  claims: JSON.parse(row.claims) as Claims,
  ...(row.disabled_at === null ? {} : { disabledAt: row.disabled_at }),
  roles: [],
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

type ListedUser = Awaited<ReturnType<Database['prisma']['user']['findMany']>>[number] & {
  readonly roles: readonly { readonly role: string }[];
};

const toListedUser = (row: ListedUser): User => ({
  ...toUser({
    id: row.id,
    email: row.email,
    email_verified: row.emailVerified ? 1 : 0,
    username: row.username,
    claims: row.claims,
    disabled_at: row.disabledAt === null ? null : Number(row.disabledAt),
    created_at: Number(row.createdAt),
    updated_at: Number(row.updatedAt),
    role: null,
  }),
  roles: row.roles.map(({ role }) => role).filter(isRole),
});

export interface LinkStore {
  /** `id` is the hash of the secret. */
  insert(tx: Transaction, link: OneTimeLink & { readonly id: string }): Promise<void>;
  put(link: OneTimeLink & { readonly id: string }): Operation;
  find(purpose: LinkPurpose, id: string): Promise<OneTimeLink | undefined>;
  /** How many links of the purpose somebody has that still work. */
  countOpen(purpose: LinkPurpose, subject: string): Promise<number>;
  /** When the oldest of them was made, in milliseconds. */
  oldestOpen(purpose: LinkPurpose, subject: string): Promise<number | undefined>;
  use(purpose: LinkPurpose, id: string): Operation;
  /** Voids every open link of the purpose, or those of one subject. */
  voidAll(purpose: LinkPurpose, subject?: string): Operation;
  /** Removes a batch of links that expired before the given time (milliseconds). */
  sweep(before: number): Operation;
  /** Voids open links of the purpose, those for one subject only when it is given. */
  voidFormer(tx: Transaction, purpose: LinkPurpose, subject: string | undefined): Promise<void>;
}

export function createLinkStore({ database, clock }: { database: Database; clock: Clock }): LinkStore {
  return {
    async insert(tx, { id, purpose, subject, expiresAt }) {
      const times = { createdAt: BigInt(clock.now()), expiresAt: BigInt(expiresAt) };
      await tx.oneTimeLink.create({ data: { id, purpose, subject: subject ?? null, ...times } });
    },
    put: ({ id, purpose, subject, expiresAt }) => ({
      statement: putLink,
      params: [id, purpose, subject ?? null, clock.now(), expiresAt],
      mustHit: true,
    }),
    async find(purpose, id) {
      type LinkRow = { subject: string | null; expires_at: number };
      const row = await database.get<LinkRow>(findLink, [id, purpose, clock.now()]);
      if (row === undefined) return undefined;
      return { purpose, expiresAt: row.expires_at, ...(row.subject === null ? {} : { subject: row.subject }) };
    },
    async countOpen(purpose, subject) {
      return Number((await database.get<{ n: number }>(countLinks, [purpose, subject, clock.now()]))?.n ?? 0);
    },
    async oldestOpen(purpose, subject) {
      const row = await database.get<{ created_at: number | null }>(oldestLink, [purpose, subject, clock.now()]);
      return typeof row?.created_at === 'number' ? row.created_at : undefined;
    },
    use: (purpose, id) => ({ statement: useLink, params: [id, purpose, clock.now()], mustHit: true }),
    voidAll: (purpose, subject) =>
      subject === undefined
        ? { statement: voidLinks, params: [purpose, clock.now()], mustHit: false }
        : { statement: voidLinksOf, params: [purpose, subject, clock.now()], mustHit: false },
    sweep: (before) => ({ statement: sweepLinks, params: [before], mustHit: false }),
    async voidFormer(tx, purpose, subject) {
      await tx.oneTimeLink.updateMany({
        where: { purpose, ...(subject === undefined ? {} : { subject }), usedAt: null, voidedAt: null },
        data: { voidedAt: BigInt(clock.now()) },
      });
    },
  };
}
