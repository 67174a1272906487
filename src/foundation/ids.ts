import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

/** Makes identifiers of rows and requests: sortable by time, never secret. */
export interface Ids {
  /** A UUID version 7 (RFC 9562 §5.7). Those of one process sort in the order in which they were made. */
  next(): string;
}

/** What stands before every id made at this time (milliseconds since the epoch) or later, and behind every earlier one. */
export function idAt(time: number): string {
  const hex = Math.max(0, Math.trunc(time)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

/** When the id was made, in milliseconds since the epoch; undefined for what is no id of ours. */
export function timeOfId(id: string): number | undefined {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.exec(id) ?? [];
  return high === undefined || low === undefined ? undefined : Number.parseInt(high + low, 16);
}

/** Ids from the given clock and randomness. */
export function createIds(clock: Clock, random: Random): Ids {
  let last = 0;
  let counter = 0;
  /** The time in front of the id, kept as long as it stands still. */
  let front = { time: -1, text: '' };
  /** The 12 bits behind the time count within a millisecond (RFC 9562 §6.2, method 1); full, they borrow the next one. */
  function advance(): void {
    const now = clock.now();
    if (now > last) {
      last = now;
      counter = 0;
      return;
    }
    counter += 1;
    if (counter > 0xfff) {
      last += 1;
      counter = 0;
    }
  }
  return {
    next() {
      advance();
      if (front.time !== last) front = { time: last, text: idAt(last) };
      const hex = random.bytes(8).toString('hex');
      // The variant's two bits are 10 (RFC 9562 §4.1).
      const variant = '89ab'.charAt(Number.parseInt(hex.charAt(0), 16) & 0x3);
      const count = counter.toString(16).padStart(3, '0');
      return `${front.text}-7${count}-${variant}${hex.slice(1, 4)}-${hex.slice(4)}`;
    },
  };
}
