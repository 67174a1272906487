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
      const bytes = random.bytes(16);
      bytes.writeUIntBE(last, 0, 6);
      bytes.writeUInt16BE(0x7000 | counter, 6);
      const hex = bytes.toString('hex');
      const variant = (0x8 | (Number.parseInt(hex.charAt(16), 16) & 0x3)).toString(16);
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
  };
}
