import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { Clock } from '../foundation/clock.ts';
import type { Config } from '../foundation/config/schema.ts';
import { argon2Build } from '../foundation/crypto/argon2-build.ts';
import { AppError } from '../foundation/errors.ts';
import type { Ids } from '../foundation/ids.ts';
import { createHealth, type Health } from '../foundation/observe/health.ts';
import { listen, managementVariables, mtlsVariables, publicVariables, tryPort } from '../foundation/observe/listen.ts';
import { createLog, type Log } from '../foundation/observe/log.ts';
import { startManagement } from '../foundation/observe/management.ts';
import { createMetrics, type Metrics } from '../foundation/observe/metrics.ts';
import type { Random } from '../foundation/random.ts';
import { type App, compose } from './compose.ts';
import { createMtlsServer } from './mtls-server.ts';
import { openStore, type Store } from './open-store.ts';
import { closeInTime, drain } from './shutdown.ts';
import { createTlsServer } from './tls-server.ts';

export interface ServeParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  /** Standard output: for the set-up link, which must never reach the log. */
  readonly print: (line: string) => void;
}

/** The server at work. */
export interface Running {
  /** Stops accepting, finishes what is under way, closes everything. Takes less than ten seconds. */
  stop(): Promise<void>;
}

/** No request outlives this, in milliseconds (DESIGN §5). */
const requestMs = 30_000;

/** Throws `port_taken`, `port_forbidden`, `address_unusable` while nothing has been made yet. */
export async function tryPorts({ host, port, mtls, managementHost, managementPort }: Config): Promise<void> {
  await tryPort({ host, port, variables: publicVariables });
  if (mtls?.port) await tryPort({ host, port: mtls.port.number, variables: mtlsVariables });
  await tryPort({ host: managementHost, port: managementPort, variables: managementVariables });
}

/** Opens the store, composes, listens. Whatever fails closes again what was opened. */
export async function serve(parts: ServeParts): Promise<Running> {
  const { config } = parts;
  const log = await createLog(config.log);
  const metrics = createMetrics();
  const health = createHealth();
  for (const warning of config.warnings) log.warn({}, warning);
  const store = await openStore(parts);
  if (store.migrated.length > 0) log.info({ migrations: store.migrated }, 'the database was migrated');
  try {
    const app = await compose({ ...parts, ...store, log, metrics });
    return await open(parts, { app, store, log, metrics, health });
  } catch (error) {
    await store.database.close();
    throw error;
  }
}

interface Built {
  readonly app: App;
  readonly store: Store;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
}

async function open(parts: ServeParts, built: Built): Promise<Running> {
  const { config, clock } = parts;
  const { app, store, log, metrics, health } = built;
  health.check('database', () => store.database.ping());
  health.check('keys', () => {
    if (app.core.signingKeys.current().active.length === 0) throw new AppError('keys_missing', 503, 'No key signs.');
  });
  // Never DOWN: whoever signs in is served whether mails go out or not.
  health.check('mail', () => app.mail.note());
  metrics.observeKeyAges(() => keyAges(app, clock));
  metrics.observeDatabase(() => store.database.activity());
  const server = createPublicServer(config, listenerOf(app), log);
  const port = await listen(server, { host: config.host, port: config.port, variables: publicVariables });
  const servers = [server];
  const closers = [() => drainAll(servers), () => app.stop()];
  try {
    servers.push(...(await openMtls(parts, built)));
    const management = await startManagement({
      host: config.managementHost,
      port: config.managementPort,
      health,
      metrics,
      onError: (error) => log.error({ err: error }, 'the management port failed'),
    });
    closers.push(() => management.close());
    health.markStarted();
    log.info({ issuer: config.issuer, port, management_port: management.port, argon2: argon2Build().kind }, 'ready');
    await printSetUpLink(app, parts);
  } catch (error) {
    // Somebody may be served already: the store stays open until they are done.
    for (const close of closers) await close();
    throw error;
  }
  return {
    async stop() {
      health.markStopping();
      await drainAll(servers);
      // The management port says DOWN until the requests are over.
      await closeInTime([...closers.slice(1), () => store.database.close()], log);
      log.info({}, 'stopped');
      await log.close();
    },
  };
}

const drainAll = async (servers: readonly Server[]): Promise<void> => {
  await Promise.all(servers.map(drain));
};

/** The port that asks for certificates, if there is to be one. */
async function openMtls({ config }: ServeParts, { app, log }: Built): Promise<Server[]> {
  const server = createMtlsServer({ config, limits, certificates: app.certificates, listener: listenerOf(app), log });
  if (server === undefined) return [];
  const port = config.mtls?.port?.number ?? 0;
  await listen(server, { host: config.host, port, variables: mtlsVariables });
  log.info({ port }, 'certificates are asked for');
  return [server];
}

/** Koa answers its own failures; its promise has nothing left to say. */
function listenerOf({ koa }: App): RequestListener {
  const callback = koa.callback();
  return (request, response) => void callback(request, response);
}

/** Alone on its line, so that a person can click it; a secret, so never through the logger. */
async function printSetUpLink(app: App, { print }: ServeParts): Promise<void> {
  const link = await app.setUp.link();
  if (link === undefined) return;
  print('\nThere is no administrator yet. Open this link within 24 hours to become one; it works once:\n');
  print(link);
  print('');
}

function keyAges({ core }: App, clock: Clock): Record<string, number> {
  const ages: Record<string, number> = {};
  for (const { state, activatedAt, createdAt } of core.signingKeys.list()) {
    ages[state] = Math.max(ages[state] ?? 0, (clock.now() - (activatedAt ?? createdAt)) / 1000);
  }
  return ages;
}

/** Time limits against slow and idle callers. */
const limits: ServerOptions = {
  requestTimeout: requestMs,
  headersTimeout: 15_000,
  // Longer than load balancers keep theirs, so that they never send into a connection that we just closed.
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
};

/** The public port: https when a certificate is configured. */
function createPublicServer({ tls }: Config, listener: RequestListener, log: Log): Server {
  if (tls === undefined) return createServer(limits, listener);
  const variables = ['POSTERN_TLS__CERT', 'POSTERN_TLS__KEY'] as const;
  return createTlsServer({ tls, limits, listener, log, variables, asksForCertificate: false });
}
