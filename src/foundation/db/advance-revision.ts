import type { Database } from './database.ts';
import { type Operation, statement } from './statement.ts';

const READ = statement('revision.read', 'SELECT number FROM revisions WHERE name = ?1');

const FIRST = statement('revision.first', {
  sqlite: 'INSERT INTO revisions (name, number) VALUES (?1, 1) ON CONFLICT (name) DO NOTHING',
  postgresql: 'INSERT INTO revisions (name, number) VALUES (?1, 1) ON CONFLICT (name) DO NOTHING',
  mysql: 'INSERT INTO revisions (name, number) VALUES (?1, 1)',
});

const ADVANCE = statement(
  'revision.advance',
  'UPDATE revisions SET number = number + 1 WHERE name = ?1 AND number = ?2',
);

/** Where a revision stands; 0 before its first change. */
export async function readRevision(database: Pick<Database, 'get'>, name: string): Promise<number> {
  const row = await database.get<{ number: number }>(READ, [name]);
  return row?.number ?? 0;
}

/**
 * Like `bumpRevision`, but only if nobody changed it since it was read: of several processes that decide the same from
 * the same state, one is heard. The others lose their unit and look again. Read the revision before what it stands for.
 */
export const advanceRevision = (name: string, seen: number): Operation =>
  seen === 0
    ? { statement: FIRST, params: [name], mustHit: true }
    : { statement: ADVANCE, params: [name, seen], mustHit: true };
