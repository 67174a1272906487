import type { Database } from './database.ts';
import { statement } from './statement.ts';

const readTime = statement('database-time', {
  sqlite: "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS time",
  postgresql: 'SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS bigint) AS time',
  // Of UTC, as local time comes twice when summer ends.
  mysql: "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000 AS time",
});

/** What time it is by the database's clock, in milliseconds since the epoch. */
export async function databaseTime(database: Pick<Database, 'get'>): Promise<number> {
  const row = await database.get<{ time: number }>(readTime, []);
  return Number(row?.time);
}
