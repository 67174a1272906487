/** What was read last. */
export interface Remembered<T> {
  current(): T;
  /** Reads anew; what it read. Rejects when that fails, and what was remembered stays. */
  refresh(): Promise<T>;
}

/**
 * Keeps in memory what is stored elsewhere. Of readings that overlap, the one that began last stays: a slow earlier one
 * would put back what has been changed since, until the next change.
 */
export function remember<T>(initial: T, read: () => Promise<T>): Remembered<T> {
  let value = initial;
  let begun = 0;
  let kept = 0;
  return {
    current: () => value,
    async refresh() {
      begun += 1;
      const turn = begun;
      const fresh = await read();
      if (turn > kept) {
        kept = turn;
        value = fresh;
      }
      return fresh;
    },
  };
}
