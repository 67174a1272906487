const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The time that `--since` means, in milliseconds since the epoch, or NaN: a duration (`7d`) or a date in ISO 8601. */
export function sinceOf(text: string, now: number): number {
  const [, amount, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const length = units[unit];
  return amount === undefined || length === undefined ? Date.parse(text) : now - Number(amount) * length;
}

/** What is said of one that means none. */
export const sinceProblem = (text: string): string =>
  `--since ${text} is neither a duration (90s, 30m, 1h, 7d) nor a date (2026-05-01T12:00:00Z).\n`;
