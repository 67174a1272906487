import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, compose } from '../../src/app/compose.ts';
import type { Foundations } from '../../src/app/compose-features.ts';
import { createMtlsServer } from '../../src/app/mtls-server.ts';
import { openStore } from '../../src/app/open-store.ts';
import { byOperator } from '../../src/features/audit/module.ts';
import type { NewClient, NewResource } from '../../src/features/clients/module.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { loadConfig } from '../../src/foundation/config/load.ts';
import type { Database } from '../../src/foundation/db/database.ts';
import { createIds } from '../../src/foundation/ids.ts';
import { createMetrics } from '../../src/foundation/observe/metrics.ts';
import { systemRandom } from '../../src/foundation/random.ts';
import { type MemoryLog, memoryLog } from './memory-log.ts';
import { freePort } from './services/free-port.ts';

export interface ProductOptions {
  /** By default a fresh SQLite file. */
  readonly databaseUrl?: string;
  /** Base64 of 32 bytes; several products on one database need the same. */
  readonly encryptionKey?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Wraps the database before anything uses it: faults, broken stores, counters. */
  readonly wrap?: (database: Database) => Database;
  /** The issuer of another product, to be a second node of it. */
  readonly issuer?: string;
  readonly settings?: unknown;
}

export interface Product {
  readonly url: string;
  readonly app: App;
  readonly database: Database;
  readonly log: MemoryLog;
  /** What its features are made from, for the commands of an operator beside it. */
  readonly foundations: Foundations;
  /** Makes what a second node of it is started with. */
  readonly node: Required<Pick<ProductOptions, 'databaseUrl' | 'encryptionKey' | 'issuer'>>;
  addUser(user?: Partial<TestUser>): Promise<TestUser & { readonly id: string }>;
  addClient(client: NewClient): Promise<{ clientId: string; clientSecret: string }>;
  addResource(resource: NewResource): Promise<void>;
  /** Events of one type, the newest last. */
  events(type?: string): ReturnType<App['core']['audit']['search']>;
  stop(): Promise<void>;
}

export interface TestUser {
  readonly email: string;
  readonly password: string;
  readonly claims: Record<string, string>;
  readonly administrator: boolean;
}

const testKey = Buffer.alloc(32, 7).toString('base64');
let people = 0;

/** Runs the product in this process on a port of its own: the composition of `main`, without its terminal. */
export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-product-'));
  const port = await freePort();
  const url = options.issuer ?? `http://localhost:${port}`;
  const encryptionKey = options.encryptionKey ?? testKey;
  const databaseUrl = options.databaseUrl ?? `file:${join(folder, 'postern.db')}`;
  const env = {
    POSTERN_ISSUER: url,
    POSTERN_DATA_DIR: folder,
    POSTERN_DATABASE_URL: databaseUrl,
    POSTERN_ENCRYPTION_KEY: encryptionKey,
    ...options.env,
  };
  const base = {
    config: loadConfig({ env, cwd: folder }),
    clock: systemClock,
    random: systemRandom,
    ids: createIds(systemClock, systemRandom),
  };
  const store = await openStore(base);
  const database = options.wrap?.(store.database) ?? store.database;
  const log = memoryLog();
  const foundations = { ...base, ...store, database };
  const app = await compose({ ...foundations, log, metrics: createMetrics() });
  const server = createServer(app.koa.callback());
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const asking = createMtlsServer({ ...foundations, ...app, log, limits: {}, listener: app.koa.callback() });
  const mtlsPort = foundations.config.mtls?.port?.number;
  await new Promise<void>((resolve) => (asking ? asking.listen(mtlsPort, '127.0.0.1', resolve) : resolve()));
  if (options.settings) await app.core.settings.set(options.settings, byOperator);
  return {
    url: options.issuer ? `http://localhost:${(server.address() as AddressInfo).port}` : url,
    app,
    database,
    log,
    foundations,
    node: { databaseUrl, encryptionKey, issuer: url },
    ...additions(app),
    async stop() {
      await close(server);
      if (asking) await close(asking);
      await app.stop();
      await store.database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  return closed;
}

function additions({ core, protocol }: App): Pick<Product, 'addUser' | 'addClient' | 'addResource' | 'events'> {
  return {
    async addUser(given = {}) {
      people += 1;
      const user: TestUser = {
        email: `person${people}@example.org`,
        password: 'a long enough password',
        claims: {},
        administrator: false,
        ...given,
      };
      const { email, password, claims, administrator } = user;
      const roles = administrator ? (['super-admin'] as const) : [];
      const created = await core.users.create(
        { email, email_verified: true, claims, roles: [...roles] },
        byOperator,
        (id) => core.passwords.set(id, password, { email }, byOperator),
      );
      return { ...user, id: created.id };
    },
    async addClient(client) {
      const { client: created, clientSecret } = await core.clients.create(client, byOperator);
      await core.clients.reload();
      await core.signingKeys.rotateDue();
      protocol.rebuild();
      return { clientId: created.clientId, clientSecret: clientSecret ?? client.client_secret ?? '' };
    },
    async addResource(resource) {
      await core.clients.upsertResource(resource, byOperator);
      await core.clients.reload();
      await core.signingKeys.rotateDue();
      protocol.rebuild();
    },
    events: (type) => core.audit.search({ type, limit: 1000 }),
  };
}
