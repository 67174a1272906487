import { sha256 } from '../../foundation/crypto/hash.ts';
import { addressBlock } from '../../foundation/http/address-block.ts';
import type { SettingsModule } from '../settings/module.ts';
import { type Counters, createCounters } from './counters.ts';
import type { ThrottleKeys } from './entry.ts';

/** One thing that an attempt counts for. */
export interface Place {
  readonly kind: 'account' | 'address' | 'pair' | 'device';
  readonly counters: Counters<number>;
  readonly name: string;
  readonly limit: number;
}

/** What an attempt counts for. */
export interface Places {
  /** The account, or the device that is known to it: what is locked when there are too many failures. */
  readonly main: Place;
  /** What tries from this very place count for, and is cleared by a success: it is the same for a known device. */
  readonly own: Place;
  readonly all: readonly Place[];
  readonly keys: ThrottleKeys;
  readonly person: string;
  /** Undefined for a known device, which no stranger's doing slows down. */
  readonly block: string | undefined;
}

/** One set for each kind, so that a flood of one cannot push the others out. */
const kinds = () => ({
  account: createCounters(),
  address: createCounters(),
  pair: createCounters(),
  device: createCounters(),
});

/** Says what an attempt counts for. */
export function createPlaces(settings: Pick<SettingsModule, 'current'>) {
  const counters = kinds();
  /** How often an account was opened by hand: what was counted before is counted under another name. */
  const turns = createCounters();

  function of(keys: ThrottleKeys): Places {
    const { failuresPerAccount, failuresPerAddress, failuresPerPair } = settings.current().limits;
    // Hashed, so that memory holds no list of who tried to sign in, and a name takes the same room however long it is.
    const person = sha256(keys.account);
    const named = `${person} ${turns.get(person) ?? 0}`;
    if (keys.device !== undefined) {
      const own = {
        kind: 'device' as const,
        counters: counters.device,
        name: `${named} ${keys.device}`,
        limit: failuresPerPair,
      };
      return { main: own, own, all: [own], keys, person, block: undefined };
    }
    const main = { kind: 'account' as const, counters: counters.account, name: named, limit: failuresPerAccount };
    if (keys.address === undefined) return { main, own: main, all: [main], keys, person, block: undefined };
    const block = addressBlock(keys.address);
    const address = { kind: 'address' as const, counters: counters.address, name: block, limit: failuresPerAddress };
    const own = { kind: 'pair' as const, counters: counters.pair, name: `${named} ${block}`, limit: failuresPerPair };
    return { main, own, all: [main, address, own], keys, person, block };
  }

  return {
    of,
    /** Counts for an account begin anew. */
    forget(account: string): void {
      const person = sha256(account);
      turns.set(person, (turns.get(person) ?? 0) + 1);
    },
  };
}
