import type { CountRow } from './store.ts';

/** How many sign-ins have one thing in common. */
export interface Share {
  readonly name: string;
  readonly sessions: number;
}

/** How many ended for one reason, and after how long on average. */
export interface Ending extends Share {
  readonly mean_seconds: number;
}

/** Sign-ins since a day, as `postern stats` says it. An empty name is what nobody knows. */
export interface SessionReport {
  readonly since: string;
  readonly active: number;
  readonly begun: {
    readonly sessions: number;
    readonly by_day: readonly Share[];
    readonly by_client: readonly Share[];
    readonly by_device: readonly Share[];
    readonly by_country: readonly Share[];
  };
  readonly ended: { readonly sessions: number; readonly mean_seconds: number; readonly by_reason: readonly Ending[] };
}

/** Sums rows up. */
export function reportOf(rows: readonly CountRow[], head: Pick<SessionReport, 'since' | 'active'>): SessionReport {
  const begun = rows.filter(({ event }) => event === 'begun');
  const ended = rows.filter(({ event }) => event !== 'begun');
  const all = endingOf('', ended);
  return {
    ...head,
    begun: {
      sessions: total(begun),
      by_day: shares(begun, ({ day }) => day).toSorted((one, other) => (one.name < other.name ? -1 : 1)),
      by_client: shares(begun, ({ client }) => client),
      by_device: shares(begun, ({ device }) => device),
      by_country: shares(begun, ({ country }) => country),
    },
    ended: {
      sessions: all.sessions,
      mean_seconds: all.mean_seconds,
      by_reason: groups(ended, ({ event }) => event)
        .map(([reason, some]) => endingOf(reason, some))
        .toSorted(bySize),
    },
  };
}

const total = (rows: readonly CountRow[]): number => rows.reduce((sum, { sessions }) => sum + sessions, 0);

function endingOf(name: string, rows: readonly CountRow[]): Ending {
  const sessions = total(rows);
  const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
  return { name, sessions, mean_seconds: sessions === 0 ? 0 : Math.round(seconds / sessions) };
}

const groups = (rows: readonly CountRow[], by: (row: CountRow) => string): [string, CountRow[]][] => [
  ...Map.groupBy(rows, by).entries(),
];

const shares = (rows: readonly CountRow[], by: (row: CountRow) => string): Share[] =>
  groups(rows, by)
    .map(([name, some]) => ({ name, sessions: total(some) }))
    .toSorted(bySize);

/** The largest first, then by name. */
const bySize = (one: Share, other: Share): number => other.sessions - one.sessions || (one.name < other.name ? -1 : 1);
