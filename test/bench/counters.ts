import { DatabaseSync } from 'node:sqlite';
import type { Server } from './servers.ts';

/** What Postern says it did, since it started. */
export interface Counters {
  readonly statements: number;
  readonly commits: number;
}

/** Reads the counters of the management port. */
export async function readCounters({ managementPort }: Server): Promise<Counters> {
  const response = await fetch(`http://127.0.0.1:${managementPort}/metrics`);
  const text = await response.text();
  const totalOf = (name: string): number => {
    const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`no metric ${name}`);
    return Number(value);
  };
  return { statements: totalOf('postern_db_statements_total'), commits: totalOf('postern_db_commits_total') };
}

/** The audit table of the data folder, read as any other process would. */
export class AuditRows {
  readonly #database: DatabaseSync;
  #seen = 0;

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { readOnly: true });
    this.take();
  }

  /** How many rows of each type were written since the last call. */
  take(): Record<string, number> {
    const rows = this.#database
      .prepare('SELECT type, count(*) AS rows, max(rowid) AS last FROM audit_events WHERE rowid > ? GROUP BY type')
      .all(this.#seen);
    this.#seen = Math.max(this.#seen, ...rows.map(({ last }) => Number(last)));
    return Object.fromEntries(rows.map(({ type, rows: count }) => [String(type), Number(count)]));
  }

  close(): void {
    this.#database.close();
  }
}

/** Throws unless exactly the audited operations were audited: none lost, none told twice. */
export function assertAudited(
  operations: number,
  perOperation: Readonly<Record<string, number>>,
  rows: Readonly<Record<string, number>>,
): void {
  const wanted = Object.fromEntries(Object.entries(perOperation).map(([type, count]) => [type, count * operations]));
  const types = new Set([...Object.keys(wanted), ...Object.keys(rows)]);
  const differ = [...types].filter((type) => (wanted[type] ?? 0) !== (rows[type] ?? 0));
  if (differ.length === 0) return;
  throw new Error(
    `audit and operations disagree: ${differ.map((type) => `${type} ${rows[type] ?? 0} of ${wanted[type] ?? 0}`).join(', ')}`,
  );
}
