import { z } from 'zod';

/** How much is measured. Every figure of the table comes from one run of one plan. */
export interface Plan {
  /** Each round measures every workload on both servers, one right after the other. */
  readonly rounds: number;
  /** Of one measurement of one workload on one server. */
  readonly seconds: number;
  /**
   * So many operations, or so many seconds if that is less, before a server's first measurement of a workload: V8 takes
   * some ten thousand of them until it has compiled what matters. Before later ones half a second.
   */
  readonly warmUp: { readonly operations: number; readonly seconds: number };
  /** Requests in flight, a connection each. */
  readonly connections: number;
  readonly workloads: readonly WorkloadName[];
  /** How often Postern is started to see how long that takes. */
  readonly starts: number;
  /** Where the build to measure lies; its neighbours are `views` and `public`. */
  readonly dist: string | undefined;
}

/** In the order in which they run: `login` leaves the tokens that the three after it use. */
export const workloadNames = [
  'discovery',
  'jwks',
  'client-credentials-opaque',
  'client-credentials-es256',
  'client-credentials-rs256',
  'login',
  'introspection',
  'userinfo',
  'refresh',
] as const;

export type WorkloadName = (typeof workloadNames)[number];

const number = (standard: number) => z.coerce.number().positive().default(standard);

const variables = z.object({
  POSTERN_BENCH_ROUNDS: number(5).pipe(z.int()),
  POSTERN_BENCH_SECONDS: number(4),
  POSTERN_BENCH_WARM_UP_OPERATIONS: number(30_000),
  POSTERN_BENCH_WARM_UP_SECONDS: number(25),
  POSTERN_BENCH_CONNECTIONS: number(32).pipe(z.int()),
  POSTERN_BENCH_STARTS: number(5).pipe(z.int()),
  POSTERN_BENCH_WORKLOADS: z
    .string()
    .default(workloadNames.join(','))
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(workloadNames))),
  POSTERN_BENCH_DIST: z.string().optional(),
});

/** Reads the plan from `POSTERN_BENCH_*` variables. Throws a ZodError that names the one that is wrong. */
export function planFrom(environment: NodeJS.ProcessEnv): Plan {
  const given = variables.parse(environment);
  return {
    rounds: given.POSTERN_BENCH_ROUNDS,
    seconds: given.POSTERN_BENCH_SECONDS,
    warmUp: { operations: given.POSTERN_BENCH_WARM_UP_OPERATIONS, seconds: given.POSTERN_BENCH_WARM_UP_SECONDS },
    connections: given.POSTERN_BENCH_CONNECTIONS,
    workloads: workloadNames.filter((name) => given.POSTERN_BENCH_WORKLOADS.includes(name)),
    starts: given.POSTERN_BENCH_STARTS,
    dist: given.POSTERN_BENCH_DIST,
  };
}
