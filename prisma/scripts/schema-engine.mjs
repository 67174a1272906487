/**
 * Prisma's schema engine as WebAssembly, used for one thing: the SQL between two data models. It insists on connecting
 * first, so it gets a connection to nothing; no database, no network, no native engine.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as binding from '@prisma/schema-engine-wasm/schema_engine_bg';

const TEXT = 7;
const BOOLEAN = 5;
const INT32 = 0;
const VERSION_ANSWER = {
  columnNames: ['exists', 'version', 'numeric_version'],
  columnTypes: [BOOLEAN, TEXT, INT32],
  rows: [[true, 'PostgreSQL 15.0', 150000]],
};
const NOTHING = { columnNames: [], columnTypes: [], rows: [] };

/** Answers the engine's question for the server's version and nothing else. */
function connectionToNothing(provider) {
  const answer = async (query) => (/version/i.test(query?.sql ?? '') ? VERSION_ANSWER : NOTHING);
  const connect = async () => ({
    provider,
    adapterName: 'offline',
    queryRaw: answer,
    executeRaw: answer,
    executeScript: answer,
    startTransaction: () => Promise.reject(new Error('there is no database here')),
    getConnectionInfo: () => ({ schemaName: 'public', supportsRelationJoins: true }),
    dispose: async () => {},
  });
  return { provider, adapterName: 'offline', connect, connectToShadowDb: connect };
}

let loaded;
async function load() {
  // The engine reports panics here; without it every panic is an unrelated TypeError.
  globalThis.PRISMA_WASM_PANIC_REGISTRY ??= {
    message: '',
    set_message(text) {
      this.message = text;
    },
  };
  const require = createRequire(import.meta.url);
  const module = require.resolve('@prisma/schema-engine-wasm/schema_engine_bg').replace(/\.js$/, '.wasm');
  const { instance } = await WebAssembly.instantiate(readFileSync(module), { './schema_engine_bg.js': binding });
  binding.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return binding.SchemaEngine;
}

const asTarget = (schema) =>
  schema === null ? { tag: 'empty' } : { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content: schema }] };

/** The SQL that leads from one schema (null: an empty database) to another; '' when they are the same. */
export async function differenceInSql(provider, from, to) {
  loaded ??= load();
  const SchemaEngine = await loaded;
  const adapter = connectionToNothing(provider === 'sqlite' ? 'sqlite' : 'postgres');
  const engine = await SchemaEngine.new(
    { datamodels: [['schema.prisma', to]] },
    () => {},
    bindMigrationAwareSqlAdapterFactory(adapter),
  );
  const { stdout } = await engine.diff({
    from: asTarget(from),
    to: asTarget(to),
    script: true,
    exitCode: null,
    filters: { externalTables: [], externalEnums: [] },
  });
  return stdout.startsWith('-- This is an empty migration') ? '' : stdout;
}
