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
}

const columns = 'id, user_agent, address, first_seen_at, last_seen_at';
const insert = `INSERT INTO devices (id, user_id, user_agent, address, first_seen_at, last_seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)`;
const seenAgain = 'user_agent=excluded.user_agent, address=excluded.address, last_seen_at=excluded.last_seen_at';
const unused = 'FROM devices WHERE last_seen_at < ?1 LIMIT 500';
const statements = {
  find: statement('device_find', `SELECT ${columns} FROM devices WHERE id = ?1`),
  meet: statement('device_meet', {
    sqlite: `${insert} ON CONFLICT (id) DO UPDATE SET ${seenAgain}`,
    postgresql: `${insert} ON CONFLICT (id) DO UPDATE SET ${seenAgain}`,
    mysql: `${insert} ON DUPLICATE KEY UPDATE user_agent=VALUES(user_agent), address=VALUES(address), last_seen_at=VALUES(last_seen_at)`,
  }),
  sweep: statement('device_sweep', {
    sqlite: `DELETE FROM devices WHERE id IN (SELECT id ${unused})`,
    postgresql: `DELETE FROM devices WHERE id IN (SELECT id ${unused})`,
    mysql: `DELETE ${unused}`,
  }),
} as const;

export interface DeviceStore {
  find(id: string): Promise<Device | undefined>;
  /** Notes that the person signed in with it. */
  meet(device: { readonly id: string; readonly userId: string }, facts: DeviceFacts): Operation;
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
    sweep: (before) => ({ statement: statements.sweep, params: [before], mustHit: false }),
  };
}

const toDevice = (row: DeviceRow): Device => ({
  id: row.id,
  userAgent: row.user_agent ?? undefined,
  address: row.address ?? undefined,
  firstSeenAt: row.first_seen_at,
  lastSeenAt: row.last_seen_at,
});
