import type { CommandIo } from './io.ts';

/** Writes a command's result: as JSON when that is asked for, otherwise as text. */
export function writeResult(io: CommandIo, value: unknown, text: string): void {
  io.out(io.json ? `${JSON.stringify(value, null, 2)}\n` : `${text}\n`);
}

/** Milliseconds since the epoch as ISO 8601 in UTC. */
export const isoTime = (time: number): string => new Date(time).toISOString();

/** Rows as columns of equal width. The first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
