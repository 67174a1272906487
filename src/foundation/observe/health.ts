import { AppError } from '../errors.ts';

/** What a health endpoint answers. */
export interface HealthReport {
  readonly status: 'UP' | 'DOWN';
  readonly checks: readonly CheckReport[];
}

/** One check. The detail is there when it is down, or when there is something to say that keeps nobody from being served. */
export interface CheckReport {
  readonly name: string;
  readonly status: 'UP' | 'DOWN';
  readonly detail?: string;
}

/** What an orchestrator asks. */
export interface Health {
  /**
   * Adds a check of readiness: it throws, or takes longer than `limit` milliseconds (2,000), when something is down.
   * A text that it returns is told as the detail of something that is up.
   */
  check(name: string, check: () => unknown, limit?: number): void;
  /** Start-up is over: migrations are done and the port is open. */
  markStarted(): void;
  /** The server goes away: no new requests, please. */
  markStopping(): void;
  /** Whether the process answers at all. It depends on nothing else: restarting does not mend a database. */
  live(): HealthReport;
  /** Whether start-up is over. */
  started(): HealthReport;
  /** Whether requests can be served now. */
  ready(): Promise<HealthReport>;
}

/** The checks of one server. */
export function createHealth(): Health {
  const checks: { name: string; check: () => unknown; limit: number }[] = [];
  let phase: 'starting' | 'serving' | 'stopping' = 'starting';
  const process = (): CheckReport =>
    phase === 'serving' ? up('process') : down('process', phase === 'starting' ? 'still starting' : 'stopping');

  return {
    check(name, check, limit = 2000) {
      checks.push({ name, check, limit });
    },
    markStarted() {
      phase = 'serving';
    },
    markStopping() {
      phase = 'stopping';
    },
    live: () => report([up('process')]),
    started: () => report([phase === 'starting' ? down('process', 'still starting') : up('process')]),
    async ready() {
      const reports = await Promise.all(checks.map(({ name, check, limit }) => run(name, check, limit)));
      return report([process(), ...reports]);
    },
  };
}

const up = (name: string): CheckReport => ({ name, status: 'UP' });
const down = (name: string, detail: string): CheckReport => ({ name, status: 'DOWN', detail });

const report = (checks: readonly CheckReport[]): HealthReport => ({
  status: checks.every(({ status }) => status === 'UP') ? 'UP' : 'DOWN',
  checks,
});

async function run(name: string, check: () => unknown, limit: number): Promise<CheckReport> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckReport>((resolve) => {
    timer = setTimeout(() => resolve(down(name, `no answer within ${limit} ms`)), limit);
  });
  const answer = (async () => {
    try {
      const said = await check();
      return typeof said === 'string' ? { ...up(name), detail: said } : up(name);
    } catch (error) {
      // A driver's own words may quote a URL with its password: only ours are repeated.
      return down(name, error instanceof AppError ? error.message : 'failed');
    }
  })();
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
