import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sealedColumns } from './sealed-columns.ts';

interface Column {
  readonly table: string;
  readonly column: string;
}

const folder = join(import.meta.dirname, '../../../prisma/model');
const models = readdirSync(folder)
  .flatMap((name) => readFileSync(join(folder, name), 'utf8').split(/^(?=\/\/\/)/m))
  .filter((text) => text.includes('model '))
  .map((text) => ({ text, table: /@@map\("(\w+)"\)/.exec(text)?.[1] ?? '' }));
const columns: Column[] = models.flatMap(({ text, table }) =>
  [...text.matchAll(/^ {2}(\w+) +(?:String|Bytes)\b.*$/gm)].map(([line, name = '']) => ({
    table,
    column: /@map\("(\w+)"\)/.exec(line)?.[1] ?? name,
  })),
);
const isRegistered = ({ table, column }: Column) =>
  sealedColumns.some((sealed) => sealed.table === table && sealed.column === column);

describe('the registry of sealed columns', () => {
  it('names columns of the data model only', () => {
    for (const { table, column } of sealedColumns) expect(columns).toContainEqual({ table, column });
  });

  it('holds every column whose name says that it is secret', () => {
    // A hash of one is another matter: nothing is to be read from it.
    const secret = columns.filter(
      ({ column }) =>
        /private|secret|seed|totp|upstream_token|^body$|^payload$/.test(column) && !column.endsWith('_hash'),
    );
    // A grant and a consent hold names of scopes and internal references: nothing in them can be presented.
    const open = secret.filter((column) => !isRegistered(column) && !['grants', 'consents'].includes(column.table));
    expect(open).toEqual([]);
    expect(secret.length).toBeGreaterThanOrEqual(3);
  });

  it('holds a column of every table that the data model calls encrypted', () => {
    const said = models.filter(({ text }) => /\bis encrypted\b/.test(text)).map(({ table }) => table);
    expect(said).toEqual(expect.arrayContaining(['signing_keys', 'outbox_messages']));
    for (const table of said) expect(sealedColumns.map((sealed) => sealed.table)).toContain(table);
  });
});
