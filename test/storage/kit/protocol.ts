import type { Clients } from '../../../src/features/clients/module.ts';
import { Adapter, type AdapterDependencies } from '../../../src/features/protocol/adapter.ts';
import { createEndings, type Endings } from '../../../src/features/protocol/endings.ts';
import { createJwtTokens } from '../../../src/features/protocol/jwt-tokens.ts';
import type { Loss } from '../../../src/features/protocol/losses.ts';
import { createPayloadCodec, type Payload, type PayloadCodec } from '../../../src/features/protocol/payload.ts';
import { closeUnit } from '../../../src/features/protocol/serve-unit.ts';
import { createProtocolStore, type ProtocolStore } from '../../../src/features/protocol/store.ts';
import { operationOf, runInUnit, UnitOfWork } from '../../../src/features/protocol/unit.ts';
import { createKeyRing } from '../../../src/foundation/crypto/key-ring.ts';
import type { Database } from '../../../src/foundation/db/database.ts';
import { openDatabase } from '../../../src/foundation/db/open.ts';
import { type Operation, type Row, statement, type Value } from '../../../src/foundation/db/statement.ts';
import { AppError } from '../../../src/foundation/errors.ts';
import { createOutbox } from '../../../src/foundation/outbox/outbox.ts';
import { systemRandom } from '../../../src/foundation/random.ts';
import { createTestClock, createTestFeatures, type TestClock, type TestFeatures } from '../../kit/features.ts';
import { createMigrated, type EngineUnderTest, ids } from './engines.ts';

/** The name of every kind whose adapter the suites drive. */
export type Kind =
  | 'AccessToken'
  | 'AuthorizationCode'
  | 'ClientCredentials'
  | 'DeviceCode'
  | 'Grant'
  | 'Interaction'
  | 'PushedAuthorizationRequest'
  | 'RefreshToken'
  | 'ReplayDetection'
  | 'Session';

/** Commits what a request collected, whenever the test wants it; resolves to what it lost by. */
export type Commit = () => Promise<Loss | undefined>;

/** The protocol's adapters on one database, with requests made by hand: what the engine does, without the engine. */
export interface ProtocolUnderTest {
  readonly store: ProtocolStore;
  readonly codec: PayloadCodec;
  readonly endings: Endings;
  adapter(kind: Kind): Adapter;
  /** Does a request's work; nothing is stored before the returned function is called. */
  begin(work: () => Promise<unknown>, status?: number): Promise<Commit>;
  /** A whole request: its work, then its commit. */
  serve(work: () => Promise<unknown>, status?: number): Promise<Loss | undefined>;
  commit(operations: readonly Operation[]): Promise<void>;
  rows(sql: string, ...params: Value[]): Promise<Row[]>;
}

/** Settings of the product that the adapters ask for, which a test may change as it goes. */
export interface Rules {
  graceMs: number;
  sessionAbsoluteSeconds: number;
}

export const standardRules = (): Rules => ({ graceMs: 10_000, sessionAbsoluteSeconds: 3600 });

const keyRing = createKeyRing({ keys: [Buffer.alloc(32, 9)], random: systemRandom });

interface ProtocolParts {
  readonly database: Database;
  readonly clock: TestClock;
  readonly clients: Clients;
  readonly rules: Rules;
}

function createProtocolUnderTest({ database, clock, clients, rules }: ProtocolParts): ProtocolUnderTest {
  const store = createProtocolStore(database);
  const codec = createPayloadCodec(keyRing);
  const dependencies: AdapterDependencies = {
    store,
    codec,
    clients,
    clock,
    jwtTokens: createJwtTokens({ issuer: 'https://id.example', clock, store, publishedKeys: () => [] }),
    grantReference: (grantId) => `reference of ${grantId}`,
    graceMs: () => rules.graceMs,
    sessionAbsoluteSeconds: () => rules.sessionAbsoluteSeconds,
  };
  const outbox = createOutbox({ database, clock, ids, keyRing, kinds: {} });
  const begin = async (work: () => Promise<unknown>, status = 200): Promise<Commit> => {
    const unit = new UnitOfWork(clock.now());
    await runInUnit(unit, work);
    const entries = closeUnit(unit, status, clock.now());
    return async () => {
      const operations = entries.map(operationOf);
      const outcome = await untilServed(() => database.commit({ operations, fallback: [] }));
      return outcome.committed ? undefined : entries[outcome.lostAt]?.loss;
    };
  };
  return {
    store,
    codec,
    endings: createEndings({
      database,
      keyRing,
      clients,
      clock,
      notice: (notice) => outbox.put('logout', notice),
      alongside: () => [],
    }),
    adapter: (kind) => new Adapter(kind, dependencies),
    begin,
    serve: async (work, status) => (await begin(work, status))(),
    async commit(operations) {
      const outcome = await untilServed(() => database.commit({ operations, fallback: [] }));
      if (!outcome.committed) throw new Error(`lost at operation ${outcome.lostAt}`);
    },
    rows: (sql, ...params) => database.all(statement('test.rows', sql), params),
  };
}

/** Asks again while the store is busy, of which nothing is stored: a slow machine must not fail what is not about time. */
async function untilServed<T>(attempt: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'store_busy' || count === 5) throw error;
    }
  }
}

/** Two nodes of one product on one database, whose time the test decides. */
export interface TwoNodes {
  readonly database: Database;
  readonly clock: TestClock;
  readonly rules: Rules;
  readonly features: TestFeatures;
  readonly protocol: ProtocolUnderTest;
  readonly elsewhere: ProtocolUnderTest;
  stop(): Promise<void>;
}

/** Starts a server of this engine and opens it twice. */
export async function startTwoNodes(engine: EngineUnderTest): Promise<TwoNodes> {
  const server = await engine.start();
  const { database, url } = await createMigrated(server, 'protocol');
  const other = await openDatabase({ url });
  const clock = createTestClock();
  const rules = standardRules();
  const features = createTestFeatures(database, clock);
  const { clients } = features;
  return {
    database,
    clock,
    rules,
    features,
    protocol: createProtocolUnderTest({ database, clock, clients, rules }),
    elsewhere: createProtocolUnderTest({ database: other, clock, clients, rules }),
    async stop() {
      await other.close();
      await database.close();
      await server.stop();
    },
  };
}

/** Seconds since the epoch, an hour from now. */
export const inAnHour = (clock: TestClock): number => Math.floor(clock.now() / 1000) + 3600;

/** A payload as the library makes them: of this kind and client, valid for an hour. */
export const payloadOf = (clock: TestClock, kind: Kind, more: Payload = {}): Payload => ({
  kind,
  clientId: 'shop',
  exp: inAnHour(clock),
  ...more,
});
