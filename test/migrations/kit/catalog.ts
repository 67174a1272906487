import type { Database } from '../../../src/foundation/db/database.ts';
import type { Engine } from '../../../src/foundation/db/statement.ts';

const QUERIES: Readonly<Record<Engine, readonly string[]>> = {
  sqlite: [
    `SELECT t.name AS tbl, c.name AS col, c.type, c."notnull" AS required, c.dflt_value AS standard, c.pk
       FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'`,
    `SELECT t.name AS tbl, i.name AS idx, i."unique" AS uniq, x.seqno, x.name AS col
       FROM sqlite_schema t JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) x WHERE t.type = 'table'`,
    `SELECT t.name AS tbl, f."table" AS target, f."from" AS col, f."to" AS target_col, f.on_update, f.on_delete
       FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'`,
  ],
  postgresql: [
    `SELECT table_name AS tbl, column_name AS col, data_type, is_nullable, column_default, character_maximum_length
       FROM information_schema.columns WHERE table_schema = 'public'`,
    "SELECT tablename AS tbl, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    `SELECT conrelid::regclass::text AS tbl, conname, pg_get_constraintdef(oid) AS def
       FROM pg_constraint WHERE connamespace = 'public'::regnamespace`,
  ],
  mysql: [
    `SELECT table_name AS tbl, column_name AS col, column_type, is_nullable, column_default, extra, collation_name
       FROM information_schema.columns WHERE table_schema = DATABASE()`,
    `SELECT table_name AS tbl, index_name, non_unique, seq_in_index, column_name
       FROM information_schema.statistics WHERE table_schema = DATABASE()`,
    `SELECT table_name AS tbl, constraint_name, referenced_table_name, update_rule, delete_rule
       FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()`,
  ],
};

const asText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

/** Every column, index and foreign key of a database, one line each, without Prisma's own table. */
export async function catalogOf(database: Database): Promise<string[]> {
  const lines: string[] = [];
  for (const query of QUERIES[database.engine]) {
    const rows = await database.prisma.$queryRawUnsafe<Array<{ tbl: string }>>(query);
    lines.push(...rows.filter((row) => row.tbl !== '_prisma_migrations').map((row) => JSON.stringify(row, asText)));
  }
  return lines.toSorted();
}
