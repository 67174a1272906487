import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What is counted, as functions: whoever counts cannot invent a name or a label. No label holds a person; a client only where sign-ins are counted. */
export interface Metrics {
  /** One answered request. `route` is a pattern, of which there are few. */
  request(request: { method: string; route: string; status: number; seconds: number }): void;
  /** One attempt to sign in; `seconds` where it was measured. */
  authentication(attempt: { method: string; result: 'success' | 'failure' | 'throttled'; seconds?: number }): void;
  /** Tokens of one answer of the token endpoint. Count them once they are committed. */
  tokensIssued(tokens: { grantType: string; tokenType: string }): void;
  /** Sign-ins that were counted: once each, by whichever process counts it. */
  sessions(counted: CountedSessions): void;
  /** Asks for how many sign-ins there are now, as they were counted last, whenever the metrics are read. */
  observeSessions(read: () => number | undefined): void;
  /** Asks for the ages of the signing keys, in seconds by state, whenever the metrics are read. */
  observeKeyAges(read: () => Readonly<Record<string, number>>): void;
  /** Asks for what the database was asked to do whenever the metrics are read. */
  observeDatabase(read: () => DatabaseActivity): void;
  /** Everything in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Sign-ins with something in common: `event` is `begun` or why they ended. */
export interface CountedSessions {
  readonly event: string;
  readonly client: string;
  readonly device: string;
  readonly country: string;
  readonly sessions: number;
  readonly seconds: number;
}

/** Totals since the start of the process. */
export interface DatabaseActivity {
  readonly statements: number;
  readonly units: number;
  readonly commits: number;
}

/** From a health check to a login with two password hashes. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Metrics in a registry of their own, with those of the process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const { requests, attempts, attemptDurations, tokens } = createInstruments(registers);
  // Looking a series up by its labels costs more than counting. There are as many names as series, and a few methods more.
  const requestSeries = new Map<string, ReturnType<typeof requests.labels>>();

  return {
    request({ method, route, status, seconds }) {
      const name = `${method} ${route} ${status}`;
      let series = requestSeries.get(name);
      if (series === undefined) {
        series = requests.labels(knownMethods.has(method) ? method : 'other', route, String(status));
        requestSeries.set(name, series);
      }
      series.observe(seconds);
    },
    authentication({ method, result, seconds }) {
      attempts.labels(method, result).inc();
      if (seconds !== undefined) attemptDurations.labels(method).observe(seconds);
    },
    tokensIssued({ grantType, tokenType }) {
      tokens.labels(grantType, tokenType).inc();
    },
    sessions: createSessionCounters(registers),
    observeSessions: (read) => addActiveSessions(registers, read),
    observeKeyAges: (read) => addKeyAges(registers, read),
    observeDatabase: (read) => addDatabaseTotals(registers, read),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** What the doors feed, with its names. */
function createInstruments(registers: Registry[]) {
  return {
    requests: new Histogram({
      name: 'http_server_request_duration_seconds',
      help: 'How long answers took, by method, route and status.',
      labelNames: ['method', 'route', 'status'],
      buckets,
      registers,
    }),
    attempts: new Counter({
      name: 'postern_authn_total',
      help: 'Attempts to sign in, by method and result.',
      labelNames: ['method', 'result'],
      registers,
    }),
    attemptDurations: new Histogram({
      name: 'postern_authn_duration_seconds',
      help: 'How long attempts to sign in took, by method.',
      labelNames: ['method'],
      buckets,
      registers,
    }),
    tokens: new Counter({
      name: 'postern_tokens_issued_total',
      help: 'Answers of the token endpoint that issued tokens, by grant type and token type.',
      labelNames: ['grant_type', 'token_type'],
      registers,
    }),
  };
}

/** So many apps have a series of their own; those that come later share `other`. */
const namedClients = 50;

/** Each label in a series of its own: all of them together would be as many as there are sign-ins. */
function createSessionCounters(registers: Registry[]): Metrics['sessions'] {
  const counter = (name: string, help: string, label: string) =>
    new Counter({ name, help, labelNames: [label], registers });
  const byDevice = counter('postern_sessions_started_total', 'Sign-ins that began, by kind of device.', 'device');
  const byClient = counter('postern_sessions_started_by_client_total', 'Sign-ins that began, by app.', 'client_id');
  const byCountry = counter('postern_sessions_started_by_country_total', 'Sign-ins that began, by country.', 'country');
  const ended = counter('postern_sessions_ended_total', 'Sign-ins that ended, by reason.', 'reason');
  const length = counter(
    'postern_sessions_ended_seconds_total',
    'How long sign-ins that ended took, by reason.',
    'reason',
  );
  const clients = new Set<string>();
  const named = (client: string): string => {
    if (!clients.has(client) && clients.size >= namedClients) return 'other';
    clients.add(client);
    return client;
  };
  return ({ event, client, device, country, sessions, seconds }) => {
    if (event !== 'begun') {
      ended.labels(event).inc(sessions);
      length.labels(event).inc(seconds);
      return;
    }
    byDevice.labels(device).inc(sessions);
    byClient.labels(named(client || 'unknown')).inc(sessions);
    byCountry.labels(country || 'unknown').inc(sessions);
  };
}

function addActiveSessions(registers: Registry[], read: () => number | undefined): void {
  new Gauge({
    name: 'postern_sessions_active',
    help: 'Sign-ins that have neither ended nor expired, counted once a minute; the same on every node.',
    registers,
    collect() {
      this.reset();
      const active = read();
      if (active !== undefined) this.set(active);
    },
  });
}

function addKeyAges(registers: Registry[], read: () => Readonly<Record<string, number>>): void {
  new Gauge({
    name: 'postern_key_age_seconds',
    help: 'Age of the newest signing key, by state.',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset();
      for (const [state, seconds] of Object.entries(read())) this.labels(state).set(seconds);
    },
  });
}

function addDatabaseTotals(registers: Registry[], read: () => DatabaseActivity): void {
  const total = (name: string, help: string, value: (activity: DatabaseActivity) => number): void => {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value(read()));
      },
    });
  };
  total('postern_db_statements_total', 'Prepared statements, reads and writes.', ({ statements }) => statements);
  total('postern_db_units_total', 'Units of work: requests that stored something.', ({ units }) => units);
  total('postern_db_commits_total', 'Committed transactions, each of one unit or several.', ({ commits }) => commits);
}
