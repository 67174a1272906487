import type { Measurement } from './generator.ts';
import type { WorkloadName } from './plan.ts';
import type { StartUp } from './servers.ts';
import { workloads } from './workloads.ts';

/** One workload in one round, on both servers. */
export interface Pair {
  readonly workload: WorkloadName;
  readonly bare: Measurement;
  readonly postern: Measurement;
  /** Of Postern, for one operation. */
  readonly statements: number;
  readonly commits: number;
}

export interface Resting {
  readonly starts: readonly StartUp[];
  readonly restingMb: number;
}

/** Below this share of a core the server was waiting, and requests per second say nothing about it. */
const busyShare = 0.9;

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
};

/** How much of the baseline's CPU time Postern gets by with: above 1 it needs less. */
export const ratioOf = ({ bare, postern }: Pair): number => bare.cpuMicroseconds / postern.cpuMicroseconds;

/** The table of a run, in Markdown. */
export function tableOf(pairs: readonly Pair[]): string {
  const names = [...new Set(pairs.map(({ workload }) => workload))];
  const head = [
    'Operation',
    'CPU µs bare',
    'CPU µs Postern',
    'bare ÷ Postern (range)',
    'req/s bare',
    'req/s Postern',
    'p50 / p99 ms bare',
    'p50 / p99 ms Postern',
    'statements',
    'commits',
    'audit rows',
  ];
  const rows = names.map((name) =>
    rowOf(
      name,
      pairs.filter(({ workload }) => workload === name),
    ),
  );
  return markdown(head, rows);
}

function rowOf(name: WorkloadName, pairs: readonly Pair[]): string[] {
  const { title, audited } = workloads[name];
  const of = (value: (pair: Pair) => number) => median(pairs.map(value));
  const ratios = pairs.map(ratioOf);
  const range = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
  const [bare, postern] = [pairs.map((pair) => pair.bare), pairs.map((pair) => pair.postern)];
  return [
    title,
    of((pair) => pair.bare.cpuMicroseconds).toFixed(0),
    of((pair) => pair.postern.cpuMicroseconds).toFixed(0),
    `**${median(ratios).toFixed(2)}** (${range})`,
    throughputOf(bare),
    throughputOf(postern),
    latencyOf(bare),
    latencyOf(postern),
    of(({ statements }) => statements).toFixed(2),
    of(({ commits }) => commits).toFixed(3),
    String(Object.values(audited).reduce((sum, count) => sum + count, 0)),
  ];
}

function throughputOf(measurements: readonly Measurement[]): string {
  const valid = measurements.filter(
    ({ operations, cpuMicroseconds, seconds }) => (operations * cpuMicroseconds) / 1e6 / seconds >= busyShare,
  );
  return valid.length === 0 ? '–' : median(valid.map(({ operations, seconds }) => operations / seconds)).toFixed(0);
}

const latencyOf = (measurements: readonly Measurement[]): string =>
  `${median(measurements.map(({ p50 }) => p50)).toFixed(1)} / ${median(measurements.map(({ p99 }) => p99)).toFixed(1)}`;

/** Memory at rest, and what a start on existing data takes. */
export function startTable(bare: Resting, postern: Resting): string {
  const row = (name: string, { starts, restingMb }: Resting): string[] => {
    const ms = starts.map((start) => start.ms);
    const range = `${Math.min(...ms).toFixed(0)}–${Math.max(...ms).toFixed(0)}`;
    return [
      name,
      `${median(ms).toFixed(0)} (${range})`,
      median(starts.map(({ cpuMs }) => cpuMs)).toFixed(0),
      restingMb.toFixed(0),
    ];
  };
  const head = ['Server', 'start to first discovery, ms (range)', 'CPU ms of the start', 'RSS at rest, MB'];
  return markdown(head, [row('bare oidc-provider', bare), row('Postern', postern)]);
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
