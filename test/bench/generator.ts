import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from './connection.ts';
import type { Material } from './material.ts';
import type { WorkloadName } from './plan.ts';
import { cpuMsOf } from './usage.ts';
import { type Caller, type SignedIn, workloads } from './workloads.ts';

/** What run.ts asks this process to do: one measurement of one workload on one server. */
export interface Task {
  readonly server: { readonly name: string; readonly port: number; readonly issuer: string; readonly pid: number };
  readonly material: Material;
  readonly workload: WorkloadName;
  readonly connections: number;
  /** Ends after so many operations or seconds, whichever comes first. */
  readonly warmUp: { readonly operations: number | null; readonly seconds: number };
  readonly measureMs: number;
}

export interface Measurement {
  /** Valid operations in all, warm-up included: what audit and counters must agree with. */
  readonly all: number;
  /** Of these, those of the measured time. */
  readonly operations: number;
  readonly seconds: number;
  /** Of the server, all threads. */
  readonly cpuMicroseconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export type Reply = { readonly measurement: Measurement } | { readonly error: string };

/** What the last measurement of sign-ins left, by server. */
const signedIn = new Map<string, SignedIn[]>();

function poolOf(server: string, workload: WorkloadName): SignedIn[] {
  const kept = workload === 'login' ? [] : (signedIn.get(server) ?? []);
  signedIn.set(server, kept);
  return kept;
}

async function measure(task: Task): Promise<Measurement> {
  const { server, workload, connections, warmUp, measureMs } = task;
  const pool = poolOf(server.name, workload);
  const run: Run = { latencies: [], all: 0, measuring: false, stopped: false };
  const isWarm = () => warmUp.operations !== null && run.all >= warmUp.operations;
  const callers = await Promise.all(Array.from({ length: connections }, (_, index) => openCaller(task, pool, index)));
  const loops = callers.map((caller) => loop(caller, workload, run));
  const failed = Promise.all(loops);
  const warmUntil = performance.now() + warmUp.seconds * 1000;
  while (performance.now() < warmUntil && !isWarm()) await Promise.race([delay(20), failed]);
  const [cpu, began] = [cpuMsOf(server.pid), performance.now()];
  run.measuring = true;
  await Promise.race([delay(measureMs), failed]);
  run.measuring = false;
  const [cpuMs, seconds] = [cpuMsOf(server.pid) - cpu, (performance.now() - began) / 1000];
  run.stopped = true;
  await failed;
  for (const { connection } of callers) connection.close();
  const sorted = run.latencies.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return {
    all: run.all,
    operations: sorted.length,
    seconds,
    cpuMicroseconds: (cpuMs * 1000) / sorted.length,
    p50: at(0.5),
    p99: at(0.99),
  };
}

interface Run {
  readonly latencies: number[];
  all: number;
  measuring: boolean;
  stopped: boolean;
}

async function openCaller({ server, material }: Task, pool: SignedIn[], index: number): Promise<Caller> {
  const connection = await Connection.open(server.port, new URL(server.issuer).host);
  // Each caller has a chain of refresh tokens of its own, from a sign-in of this round: the newest ones are.
  const refreshToken = pool.at(-1 - index)?.refreshToken;
  return { connection, issuer: server.issuer, material, index, signedIn: pool, refreshToken, done: 0 };
}

/** One request after the other until the run is stopped. The last one is waited for: nothing stays half done. */
async function loop(caller: Caller, name: WorkloadName, run: Run): Promise<void> {
  const { operate } = workloads[name];
  while (!run.stopped) {
    const began = performance.now();
    await operate(caller);
    caller.done += 1;
    run.all += 1;
    if (run.measuring) run.latencies.push(performance.now() - began);
  }
}

process.on('message', (task: Task) => {
  measure(task).then(
    (measurement) => process.send?.({ measurement } satisfies Reply),
    (error: unknown) => process.send?.({ error: String(error) } satisfies Reply),
  );
});
process.on('disconnect', () => process.exit(0));
