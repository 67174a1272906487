/**
 * `migration.mjs NAME` writes prisma/engines/<engine>/migrations/<stamp>_<name>/migration.sql for every engine, from the
 * models as they were (prisma/engines/snapshot.prisma) to the models as they are.
 * `migration.mjs --check` ends with 1 when the models have changed since the last migration.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { toMysql } from './mysql-ddl.mjs';
import { ENGINES, prismaFolder, readModels, schemaFor } from './render.mjs';
import { differenceInSql } from './schema-engine.mjs';

const enginesFolder = new URL('engines/', prismaFolder);
const snapshotFile = new URL('snapshot.prisma', enginesFolder);

/** The SQL of one engine between two models (null: an empty database); '' when nothing differs. */
export async function migrationSql(engine, from, to) {
  const dialect = engine === 'mysql' ? 'postgresql' : engine;
  const schema = (models) => (models === null ? null : schemaFor(dialect, models));
  const step = await differenceInSql(dialect, schema(from), schema(to));
  if (engine !== 'mysql') return step;
  return toMysql({
    step,
    before: from === null ? '' : await differenceInSql(dialect, null, schema(from)),
    after: await differenceInSql(dialect, null, schema(to)),
    formerModels: from ?? '',
    models: to,
  });
}

/** What every engine is missing between the snapshot and the models. */
export async function pendingSql() {
  const before = existsSync(snapshotFile) ? readFileSync(snapshotFile, 'utf8') : null;
  const models = readModels();
  const scripts = {};
  for (const engine of ENGINES) scripts[engine] = await migrationSql(engine, before, models);
  return { models, scripts, empty: Object.values(scripts).every((sql) => sql === '') };
}

function write(name, { models, scripts }) {
  const stamp = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  for (const engine of ENGINES) {
    const folder = new URL(`${engine}/migrations/${stamp}_${name}/`, enginesFolder);
    mkdirSync(folder, { recursive: true });
    // The same names in every engine, also where one of them has nothing to do.
    writeFileSync(new URL('migration.sql', folder), scripts[engine] || '-- Nothing to change on this engine.\n');
    writeFileSync(new URL('../migration_lock.toml', folder), `provider = "${engine}"\n`);
    process.stdout.write(`wrote ${fileURLToPath(folder)}migration.sql\n`);
  }
  writeFileSync(snapshotFile, models);
}

async function main(argument) {
  if (argument !== '--check' && !/^[a-z][a-z0-9_]*$/.test(argument ?? '')) {
    throw new Error('usage: migration.mjs NAME | --check   (NAME: lower-case words joined by _)');
  }
  const pending = await pendingSql();
  if (pending.empty) return process.stdout.write('the migrations match the models\n');
  if (argument !== '--check') return write(argument, pending);
  for (const [engine, sql] of Object.entries(pending.scripts)) process.stderr.write(`-- ${engine}\n${sql}\n`);
  throw new Error('the models have changed since the last migration: node prisma/scripts/migration.mjs NAME');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await main(process.argv[2]);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
