import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What is counted, as functions: whoever counts cannot invent a name or a label. No label holds a person or a client. */
export interface Metrics {
  /** One answered request. `route` is a pattern, of which there are few. */
  request(request: { method: string; route: string; status: number; seconds: number }): void;
  /** One attempt to sign in; `seconds` where it was measured. */
  authentication(attempt: { method: string; result: 'success' | 'failure' | 'throttled'; seconds?: number }): void;
  /** Tokens of one answer of the token endpoint. Count them once they are committed. */
  tokensIssued(tokens: { grantType: string; tokenType: string }): void;
  /** Asks for the ages of the signing keys, in seconds by state, whenever the metrics are read. */
  observeKeyAges(read: () => Readonly<Record<string, number>>): void;
  /** Asks for what the database was asked to do whenever the metrics are read. */
  observeDatabase(read: () => DatabaseActivity): void;
  /** Everything in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
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
