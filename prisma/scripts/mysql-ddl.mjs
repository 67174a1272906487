/**
 * Prisma's PostgreSQL DDL → MySQL and MariaDB DDL, because the schema engine in WebAssembly speaks no MySQL. Its output
 * is a small, regular grammar; whatever is not recognised throws, so that nothing slips through untranslated.
 * Columns that changed are found by comparing whole tables before and after, so a change of a `@mysql:` note alone counts.
 */
const TYPES = {
  TEXT: 'VARCHAR(191)',
  BYTEA: 'LONGBLOB',
  BIGINT: 'BIGINT',
  INTEGER: 'INTEGER',
  SMALLINT: 'SMALLINT',
  BOOLEAN: 'BOOLEAN',
  'DOUBLE PRECISION': 'DOUBLE',
  SERIAL: 'INTEGER AUTO_INCREMENT',
};
const NATIVE_TYPES = ['VarChar', 'Char', 'Text', 'MediumText', 'LongText', 'VarBinary'];
// Binary collation: with the default one, ids, tokens and hashes that differ in case alone would be equal.
const TABLE_OPTIONS = 'DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';

const DROP_INDEX = /^DROP INDEX "(\w+)"$/;

const unknown = (what, text) => new Error(`mysql-ddl: ${what} not understood: ${text}`);
const ticks = (sql) => sql.replaceAll('"', '`');

/** The column and native MySQL type of one line of a model; undefined when the line has no note for MySQL. */
function nativeTypeIn(line) {
  const [, field] = /^\s*(\w+)\s+\w+/.exec(line) ?? [];
  const [, name, size = ''] = /@mysql:db\.(\w+)(\(\d+\))?/.exec(line) ?? [];
  if (field === undefined || name === undefined) return undefined;
  if (!NATIVE_TYPES.includes(name)) throw unknown('native type', line);
  return { column: /[^@]@map\("(\w+)"\)/.exec(line)?.[1] ?? field, type: name.toUpperCase() + size };
}

/** `table.column` → native MySQL type, from the notes in the models. */
export function nativeTypes(models) {
  const types = new Map();
  for (const [, model, body] of models.matchAll(/^model (\w+) \{\n(.*?)^\}/gms)) {
    const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? model;
    for (const line of body.split('\n')) {
      const native = nativeTypeIn(line);
      if (native !== undefined) types.set(`${table}.${native.column}`, native.type);
    }
  }
  return types;
}

function columnOf(table, definition, natives) {
  const [, name, type, rest] = /^"(\w+)"\s+(DOUBLE PRECISION|\w+)(.*)$/s.exec(definition.trim()) ?? [];
  const translated = natives.get(`${table}.${name}`) ?? TYPES[type];
  if (translated === undefined) throw unknown('column', definition);
  const [sqlType, autoIncrement = ''] = translated.split(/(?= AUTO_INCREMENT)/);
  const options = rest.trim() + autoIncrement;
  return `\`${name}\` ${sqlType} ${options.includes('NOT NULL') ? options : `NULL ${options}`}`.trim();
}

function statementsOf(script) {
  const withoutComments = script
    .split('\n')
    .filter((line) => !line.startsWith('--'))
    .join('\n');
  return withoutComments
    .split(/;\s*(?:\n|$)/)
    .map((text) => text.trim())
    .filter(Boolean);
}

/**
 * What a whole schema's script makes: the columns of every table (`table` → `column` → definition), its indexes
 * (`name` → table and first column) and its foreign keys (`name` → table and first column).
 */
function shapeOf(script, natives) {
  const tables = new Map();
  const indexes = new Map();
  const foreignKeys = new Map();
  for (const sql of statementsOf(script)) {
    const [, table, body] = /^CREATE TABLE "(\w+)" \(\n(.*)\n\)$/s.exec(sql) ?? [];
    if (table !== undefined) {
      const columns = body.split(/,\n/).filter((line) => !/^\s*CONSTRAINT/.test(line));
      tables.set(table, new Map(columns.map((line) => [/"(\w+)"/.exec(line)[1], columnOf(table, line, natives)])));
    }
    const [, index, indexed, first] = /^CREATE (?:UNIQUE )?INDEX "(\w+)" ON "(\w+)"\("(\w+)"/.exec(sql) ?? [];
    if (index !== undefined) indexes.set(index, { table: indexed, column: first });
    const [, child, key, column] = /^ALTER TABLE "(\w+)" ADD CONSTRAINT "(\w+)" FOREIGN KEY \("(\w+)"/.exec(sql) ?? [];
    if (key !== undefined) foreignKeys.set(key, { table: child, column });
  }
  return { tables, indexes, foreignKeys };
}

function translateTable(table, body, natives) {
  const lines = body.split(/,\n/).map((line) => {
    const [, key] = /^\s*CONSTRAINT "\w+" PRIMARY KEY (\(.*\))$/.exec(line) ?? [];
    return `    ${key === undefined ? columnOf(table, line, natives) : `PRIMARY KEY ${ticks(key)}`}`;
  });
  return `CREATE TABLE \`${table}\` (\n${lines.join(',\n')}\n) ${TABLE_OPTIONS}`;
}

function translateAlteration(table, part, natives) {
  const [, added] = /^ADD COLUMN\s+(.*)$/s.exec(part) ?? [];
  if (added !== undefined) return `ADD COLUMN ${columnOf(table, added, natives)}`;
  const [, dropped] = /^DROP COLUMN "(\w+)"$/.exec(part) ?? [];
  if (dropped !== undefined) return `DROP COLUMN \`${dropped}\``;
  const [, foreignKey] = /^DROP CONSTRAINT "(\w+_fkey)"$/.exec(part) ?? [];
  if (foreignKey !== undefined) return `DROP FOREIGN KEY \`${foreignKey}\``;
  if (/^ADD CONSTRAINT "\w+" FOREIGN KEY/.test(part)) return ticks(part);
  if (/^ALTER COLUMN "\w+" /.test(part)) return undefined; // told by comparing the tables
  throw unknown('alteration', part);
}

function translate(sql, natives) {
  if (sql.startsWith('CREATE SCHEMA ')) return [];
  const [, created, body] = /^CREATE TABLE "(\w+)" \(\n(.*)\n\)$/s.exec(sql) ?? [];
  if (created !== undefined) return [translateTable(created, body, natives)];
  if (/^CREATE (UNIQUE )?INDEX "\w+" ON "\w+"\([^()]*\)$/.test(sql) || /^DROP TABLE "\w+"$/.test(sql))
    return [ticks(sql)];
  const [, table, parts] = /^ALTER TABLE "(\w+)" (.*)$/s.exec(sql) ?? [];
  if (table === undefined) throw unknown('statement', sql);
  const translated = parts
    .split(/,\n/)
    .map((part) => translateAlteration(table, part.trim(), natives))
    .filter(Boolean);
  return translated.length === 0 ? [] : [`ALTER TABLE \`${table}\` ${translated.join(',\n    ')}`];
}

function modifications(before, after) {
  const changes = [];
  for (const [table, columns] of after.tables) {
    for (const [column, definition] of columns) {
      const former = before.tables.get(table)?.get(column);
      if (former !== undefined && former !== definition) changes.push(`ALTER TABLE \`${table}\` MODIFY ${definition}`);
    }
  }
  return changes;
}

const sameColumn = (a) => (b) => a.table === b.table && a.column === b.column;

/**
 * MySQL keeps an index on the column of every foreign key and refuses to drop the last one. Such an index is dropped only
 * after its successor is there; where the models name none, that is the index MySQL itself would have made.
 */
function indexesOfForeignKeys(dropped, before, after) {
  const early = [];
  const late = [];
  for (const name of dropped) {
    const index = before.indexes.get(name);
    const isSame = sameColumn(index);
    const [key] =
      [...after.foreignKeys].find(([constraint, at]) => isSame(at) && before.foreignKeys.has(constraint)) ?? [];
    const drop = `DROP INDEX \`${name}\` ON \`${index.table}\``;
    if (key === undefined) {
      early.push(drop);
      continue;
    }
    const hasSuccessor = [...after.indexes.values()].some(isSame);
    if (!hasSuccessor) late.push(`CREATE INDEX \`${key}\` ON \`${index.table}\`(\`${index.column}\`)`);
    late.push(drop);
  }
  return { early, late };
}

/**
 * The MySQL script for a step between two models.
 * `step`, `before`, `after`: PostgreSQL scripts of the difference and of either model from nothing.
 * `formerModels`, `models`: the models with their notes.
 */
export function toMysql({ step, before, after, formerModels, models }) {
  const natives = nativeTypes(models);
  const former = shapeOf(before, nativeTypes(formerModels));
  const current = shapeOf(after, natives);
  const all = statementsOf(step);
  const dropped = all.map((sql) => DROP_INDEX.exec(sql)?.[1]).filter((name) => former.indexes.has(name));
  const { early, late } = indexesOfForeignKeys(dropped, former, current);
  const rest = all.filter((sql) => !dropped.includes(DROP_INDEX.exec(sql)?.[1]));
  const isForeignKeyDrop = (sql) => /^ALTER TABLE "\w+" DROP CONSTRAINT/.test(sql);
  const translated = (statements) => statements.flatMap((sql) => translate(sql, natives));
  return [
    ...translated(rest.filter(isForeignKeyDrop)),
    ...early,
    ...translated(rest.filter((sql) => !isForeignKeyDrop(sql))),
    ...late,
    ...modifications(former, current),
  ]
    .map((sql) => `${sql};\n`)
    .join('\n');
}
