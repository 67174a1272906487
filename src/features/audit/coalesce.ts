import type { Clock } from '../../foundation/clock.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { addressBlock } from '../../foundation/http/address-block.ts';
import type { AuditEvent, RefusalKey, RequestFacts } from './event.ts';
import type { AuditStore, EventRow } from './store.ts';

/** One row and how many equal refusals it stands for. */
interface Window {
  readonly row: EventRow;
  readonly address: string;
  readonly until: number;
  count: number;
}

const windowMs = 60_000;
/** Beyond these, differences that a stranger chooses (made-up client ids, borrowed addresses) no longer make rows. */
const windowsPerAddress = 32;
const windowsInAll = 5000;

/** How much of the key a refusal is told apart by. */
type Grain = 'full' | 'address' | 'reason';

/** The windows that are open, and those that are over with a count to store. */
function createWindows() {
  const open = new Map<string, Window>();
  const perAddress = new Map<string, number>();
  let finished: Window[] = [];
  return {
    find: (name: string): Window | undefined => open.get(name),
    /** By how much a refusal can be told apart while there is room. */
    grainFor(fullName: string, address: string): Grain {
      if (open.has(fullName)) return 'full';
      if (open.size >= windowsInAll) return 'reason';
      return (perAddress.get(address) ?? 0) >= windowsPerAddress ? 'address' : 'full';
    },
    add(name: string, window: Window): void {
      open.set(name, window);
      perAddress.set(window.address, (perAddress.get(window.address) ?? 0) + 1);
    },
    /** Moves what is over out of the way. Windows are in the order of their opening, so the oldest come first. */
    close(until: number): void {
      for (const [name, window] of open) {
        if (window.until > until) break;
        open.delete(name);
        const left = (perAddress.get(window.address) ?? 1) - 1;
        if (left === 0) perAddress.delete(window.address);
        else perAddress.set(window.address, left);
        if (window.count > 1) finished.push(window);
      }
    },
    takeFinished(): Window[] {
      const taken = finished;
      finished = [];
      return taken;
    },
  };
}

/**
 * Counts equal refusals before authentication, so that a stranger costs a row a minute and not a row a request. The
 * attack: filling the disk with refusals, by repetition, by made-up client ids, or from many addresses. The first is
 * counted, the second folded into one row per address, the third into one row for all.
 */
export function createCoalescer(parts: { clock: Clock; store: Pick<AuditStore, 'row' | 'insert' | 'count'> }) {
  const { clock, store } = parts;
  const windows = createWindows();

  function flush(until: number): Operation[] {
    windows.close(until);
    return windows.takeFinished().map(({ row, count }) => store.count(row, count));
  }

  return {
    refusal(key: RefusalKey, event: AuditEvent, facts: RequestFacts): Operation | undefined {
      const now = clock.now();
      windows.close(now);
      const address = addressBlock(key.address ?? '');
      const names: Record<Grain, string> = {
        full: JSON.stringify([event.type, key.reason, address, key.client ?? '']),
        address: JSON.stringify([event.type, key.reason, address]),
        reason: JSON.stringify([event.type, key.reason]),
      };
      const grain = windows.grainFor(names.full, address);
      const open = windows.find(names[grain]);
      if (open !== undefined) {
        open.count += 1;
        return undefined;
      }
      const shown = grain === 'full' ? event : { ...event, client: undefined };
      const row = store.row(shown, grain === 'reason' ? {} : facts);
      windows.add(names[grain], { row, address, until: now + windowMs, count: 1 });
      return store.insert(row);
    },
    flushDue: (): Operation[] => flush(clock.now()),
    flushAll: (): Operation[] => flush(Number.POSITIVE_INFINITY),
  };
}
