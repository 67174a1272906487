import type { EmptyAt } from './counter.ts';

const capacity = 100_000;

/** Counters by name, at most so many: those that nobody touched for longest are forgotten first. */
export interface Counters {
  get(name: string): EmptyAt | undefined;
  set(name: string, counter: EmptyAt): void;
  delete(name: string): void;
}

/** Counters in memory. Each takes about 150 bytes. */
export function createCounters(limit: number = capacity): Counters {
  const counters = new Map<string, EmptyAt>();
  return {
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
