import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import { type Operation, type Row, statement } from '../../foundation/db/statement.ts';

/** A browser that a person has signed in with. Times are milliseconds since the epoch. */
export interface Device {
  readonly id: string;
  /** What it said that it is. */
  readonly userAgent?: string | undefined;
  /** Where it was used last. */
  readonly address?: string | undefined;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  readonly rememberedUntil?: number | undefined;
}

/** A browser on which the second step is skipped for a while. */
export interface RememberedDevice extends Device {
  readonly rememberedUntil: number;
}

/** A device by its name and whom it is for. */
interface OwnDevice {
  readonly id: string;
  readonly userId: string;
}

/** What a request tells of the browser it came from. */
export interface DeviceFacts {
  readonly ip?: string | undefined;
  readonly userAgent?: string | undefined;
}

interface DeviceRow extends Row {
  id: string;
  user_agent: string | null;
  address: string | null;
  first_seen_at: number;
  last_seen_at: number;
  remembered_until: number | null;
}

const columns = 'id, user_agent, address, first_seen_at, last_seen_at, remembered_until';
const insert = `INSERT INTO devices (id, user_id, user_agent, address, first_seen_at, last_seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)`;
const insertRemembered = `INSERT INTO devices (id, user_id, user_agent, address, first_seen_at, last_seen_at, remembered_until) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)`;
const seenAgain = 'user_agent=excluded.user_agent, address=excluded.address, last_seen_at=excluded.last_seen_at';
const unused = 'FROM devices WHERE last_seen_at < ?1 LIMIT 500';
const statements = {
  find: statement('device_find', `SELECT ${columns} FROM devices WHERE id = ?1`),
  meet: statement('device_meet', {
    sqlite: `${insert} ON CONFLICT (id) DO UPDATE SET ${seenAgain}`,
    postgresql: `${insert} ON CONFLICT (id) DO UPDATE SET ${seenAgain}`,
    mysql: `${insert} ON DUPLICATE KEY UPDATE user_agent=VALUES(user_agent), address=VALUES(address), last_seen_at=VALUES(last_seen_at)`,
  }),
  remembered: statement(
    'device_remembered',
    `SELECT ${columns} FROM devices WHERE user_id = ?1 AND remembered_until > ?2 ORDER BY last_seen_at DESC`,
  ),
  remember: statement('device_remember', {
    sqlite: `${insertRemembered} ON CONFLICT (id) DO UPDATE SET ${seenAgain}, remembered_until=excluded.remembered_until`,
    postgresql: `${insertRemembered} ON CONFLICT (id) DO UPDATE SET ${seenAgain}, remembered_until=excluded.remembered_until`,
    mysql: `${insertRemembered} ON DUPLICATE KEY UPDATE user_agent=VALUES(user_agent), address=VALUES(address), last_seen_at=VALUES(last_seen_at), remembered_until=VALUES(remembered_until)`,
  }),
  forget: statement(
    'device_forget',
    'UPDATE devices SET remembered_until = NULL WHERE id = ?1 AND user_id = ?2 AND remembered_until IS NOT NULL',
  ),
  forgetAll: statement(
    'device_forget_all',
    'UPDATE devices SET remembered_until = NULL WHERE user_id = ?1 AND remembered_until IS NOT NULL',
  ),
  list: statement('device_list', `SELECT ${columns} FROM devices WHERE user_id = ?1 ORDER BY last_seen_at DESC`),
  erase: statement('device_erase', 'DELETE FROM devices WHERE user_id = ?1'),
  any: statement('device_any', 'SELECT id FROM devices WHERE user_id = ?1 LIMIT 1'),
  sweep: statement('device_sweep', {
    sqlite: `DELETE FROM devices WHERE id IN (SELECT id ${unused})`,
    postgresql: `DELETE FROM devices WHERE id IN (SELECT id ${unused})`,
    mysql: `DELETE ${unused}`,
  }),
} as const;

export interface DeviceStore {
  find(id: string): Promise<Device | undefined>;
  /** Notes that the person signed in with it. */
  meet(device: OwnDevice, facts: DeviceFacts): Operation;
  /** Those of a person on which the second step is skipped. */
  remembered(userId: string): Promise<RememberedDevice[]>;
  /** As `meet`, and skips the second step with it until then. */
  remember(device: OwnDevice, facts: DeviceFacts, until: number): Operation;
  /** Must hit: it misses what is nobody's, somebody else's, or was forgotten before. */
  forget(id: string, userId: string): Operation;
  forgetAll(userId: string): Operation;
  /** All of a person's. */
  list(userId: string): Promise<Device[]>;
  erase(userId: string): Operation;
  hasAny(userId: string): Promise<boolean>;
  /** Removes a batch of those that were not used since the given time (milliseconds). */
  sweep(before: number): Operation;
}

export function createDeviceStore({ database, clock }: { database: Database; clock: Clock }): DeviceStore {
  return {
    async find(id) {
      const row = await database.get<DeviceRow>(statements.find, [id]);
      return row && toDevice(row);
    },
    meet: ({ id, userId }, { userAgent, ip }) => ({
      statement: statements.meet,
      params: [id, userId, userAgent ?? null, ip ?? null, clock.now()],
      mustHit: false,
    }),
    async remembered(userId) {
      const rows = await database.all<DeviceRow>(statements.remembered, [userId, clock.now()]);
      return rows.map((row) => ({ ...toDevice(row), rememberedUntil: Number(row.remembered_until) }));
    },
    remember: ({ id, userId }, { userAgent, ip }, until) => ({
      statement: statements.remember,
      params: [id, userId, userAgent ?? null, ip ?? null, clock.now(), until],
      mustHit: false,
    }),
    forget: (id, userId) => ({ statement: statements.forget, params: [id, userId], mustHit: true }),
    forgetAll: (userId) => ({ statement: statements.forgetAll, params: [userId], mustHit: false }),
    list: async (userId) => (await database.all<DeviceRow>(statements.list, [userId])).map(toDevice),
    erase: (userId) => ({ statement: statements.erase, params: [userId], mustHit: false }),
    hasAny: async (userId) => (await database.get(statements.any, [userId])) !== undefined,
    sweep: (before) => ({ statement: statements.sweep, params: [before], mustHit: false }),
  };
}

const toDevice = (row: DeviceRow): Device => ({
  id: row.id,
  userAgent: row.user_agent ?? undefined,
  address: row.address ?? undefined,
  firstSeenAt: row.first_seen_at,
  lastSeenAt: row.last_seen_at,
  rememberedUntil: row.remembered_until ?? undefined,
});
