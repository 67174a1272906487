const capacity = 100_000;

/** What is counted, by name, at most so many: those that nobody touched for longest are forgotten first. */
export interface Counters<T> {
  readonly size: number;
  get(name: string): T | undefined;
  set(name: string, counter: T): void;
  delete(name: string): void;
}

/** Counters in memory. One that is a number takes about 150 bytes. */
export function createCounters<T = number>(limit: number = capacity): Counters<T> {
  const counters = new Map<string, T>();
  return {
    get size() {
      return counters.size;
    },
    get: (name) => counters.get(name),
    set(name, counter) {
      counters.delete(name);
      counters.set(name, counter);
      for (const oldest of counters.keys()) {
        if (counters.size <= limit) break;
        counters.delete(oldest);
      }
    },
    delete: (name) => void counters.delete(name),
  };
}
