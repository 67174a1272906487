import type { SessionReport, Statistics } from '../../features/statistics/module.ts';
import type { Clock } from '../../foundation/clock.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { table, writeResult } from './result.ts';
import { sinceOf, sinceProblem } from './since.ts';

/** What `postern stats` needs. */
export interface StatsCommandApp {
  readonly statistics: Pick<Statistics, 'count' | 'report'>;
  readonly clock: Clock;
}

/** `postern stats [--since 30d]`: sign-ins by day, app, device and country, how long they took and why they ended. */
export async function stats(io: CommandIo, app: StatsCommandApp, args: { readonly since: string }): Promise<ExitCode> {
  const since = sinceOf(args.since, app.clock.now());
  if (Number.isNaN(since)) {
    io.err(sinceProblem(args.since));
    return 2;
  }
  // What no running server has counted yet, batch by batch.
  for (let counted = 1; counted > 0; ) counted = await app.statistics.count();
  const report = await app.statistics.report(since);
  writeResult(io, report, inWords(report));
  return 0;
}

/** Rows of a list that fit on a screen; `--json` has all. */
const shown = 15;

function inWords({ since, active, begun, ended }: SessionReport): string {
  const list = (title: string, rows: readonly { readonly name: string; readonly sessions: number }[]): string =>
    `\n${table([[title, 'SIGN-INS'], ...rows.slice(0, shown).map((row) => [nameOf(row), String(row.sessions)])])}`;
  const reasons = ended.by_reason.map((row) => [row.name, String(row.sessions), duration(row.mean_seconds)]);
  return [
    `${begun.sessions} sign-ins since ${since}, ${ended.sessions} ended after ${duration(ended.mean_seconds)} on average, ${active} now.`,
    list('DAY', begun.by_day.slice(-shown)),
    list('APP', begun.by_client),
    list('DEVICE', begun.by_device),
    list('COUNTRY', begun.by_country),
    `\n${table([['ENDED BY', 'SIGN-INS', 'MEAN LENGTH'], ...reasons])}`,
  ].join('\n');
}

const nameOf = ({ name }: { readonly name: string }): string => (name === '' ? 'unknown' : name);

/** Seconds as people say them. */
function duration(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
