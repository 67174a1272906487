import type { Database } from './database.ts';
import { type Operation, type Row, statement } from './statement.ts';

/*
 * What nodes hold in memory (clients, keys, settings, …) is kept true by counters in the database: whoever changes something
 * bumps its counter in the same transaction, and every process polls them all. One read of a handful of rows, twice a second.
 */

const BUMP = statement('revision.bump', {
  sqlite:
    'INSERT INTO revisions (name, number) VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET number = revisions.number + 1',
  postgresql:
    'INSERT INTO revisions (name, number) VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET number = revisions.number + 1',
  mysql: 'INSERT INTO revisions (name, number) VALUES (?1, 1) ON DUPLICATE KEY UPDATE number = number + 1',
});
const ALL = statement('revision.all', 'SELECT name, number FROM revisions');

interface RevisionRow extends Row {
  name: string;
  number: number;
}

/**
 * The operation that tells every process that `name` has changed. It goes last in its unit: it locks one row that everybody
 * who changes the same thing wants.
 */
export function bumpRevision(name: string): Operation {
  return { statement: BUMP, params: [name], mustHit: true };
}

export interface WatchOptions {
  readonly database: Pick<Database, 'all'>;
  /** Milliseconds between two polls; 500 by default, so that a change holds everywhere within a second. */
  readonly everyMs?: number;
  /** Told the names that moved since the last poll. The poll waits for it, so it is never called twice at once. */
  readonly onChange: (names: ReadonlySet<string>) => void | Promise<void>;
  /** Told when a poll or `onChange` failed. The names are told again at the next poll. */
  readonly onError?: (error: unknown) => void;
}

export interface RevisionWatch {
  /** Polls now. Rejects when that fails. */
  check(): Promise<void>;
  stop(): void;
}

/** The names whose number differs, or that are new or gone. */
function movedNames(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Set<string> {
  const names = new Set([...before.keys(), ...after.keys()]);
  return new Set([...names].filter((name) => before.get(name) !== after.get(name)));
}

/**
 * Calls `onChange` when counters have moved. What is there at the first poll is taken as known, and the first poll ends
 * before this resolves: load what the counters stand for after it, not before. Rejects when the first poll fails; later ones
 * go to `onError` and never keep the process alive.
 */
export async function watchRevisions({
  database,
  everyMs = 500,
  onChange,
  onError,
}: WatchOptions): Promise<RevisionWatch> {
  const read = async (): Promise<Map<string, number>> => {
    const rows = await database.all<RevisionRow>(ALL, []);
    return new Map(rows.map((row) => [row.name, row.number]));
  };
  let known = await read();
  let running: Promise<void> | undefined;
  let stopped = false;

  async function poll(): Promise<void> {
    const current = await read();
    const moved = movedNames(known, current);
    if (moved.size > 0) await onChange(moved);
    known = current;
  }

  /** One poll at a time. A caller that comes while one is running gets the next one, whose read begins after the call. */
  function check(): Promise<void> {
    const following = (running ?? Promise.resolve()).catch(() => undefined).then(poll);
    running = following;
    return following;
  }

  const report = (error: unknown): void => {
    if (!stopped) onError?.(error);
  };
  let timer: NodeJS.Timeout | undefined;
  const arm = (): void => {
    if (stopped) return;
    timer = setTimeout(() => void check().catch(report).then(arm), everyMs);
    timer.unref();
  };
  arm();

  return {
    check,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
