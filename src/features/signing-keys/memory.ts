import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import { remember } from '../../foundation/remember.ts';
import { type ActiveKey, algorithms, type KeySet, type SigningKey } from './key.ts';
import { openPrivateKey } from './private-key.ts';
import type { KeysAsRead, SigningKeyStore, StoredKey } from './store.ts';

/** The keys as this process knows them. */
export interface KeyMemory {
  current(): KeySet;
  list(): readonly SigningKey[];
  reload(): Promise<void>;
  /** Reads the keys and keeps them. */
  refresh(): Promise<KeysAsRead>;
}

/** What was read, and what follows from it. */
interface Contents {
  readonly read: KeysAsRead;
  readonly keys: readonly SigningKey[];
  readonly set: KeySet;
}

const nothing: Contents = { read: { revision: 0, keys: [] }, keys: [], set: { active: [], published: [] } };

export function createKeyMemory({ store, keyRing }: { store: SigningKeyStore; keyRing: KeyRing }): KeyMemory {
  const contents = remember(nothing, async () => {
    const read = await store.read();
    return { read, keys: read.keys.map(withoutPrivateKey), set: keySetOf(read.keys, keyRing) };
  });
  return {
    current: () => contents.current().set,
    list: () => contents.current().keys,
    refresh: async () => (await contents.refresh()).read,
    reload: async () => void (await contents.refresh()),
  };
}

/** Throws `signing_key_unreadable`. */
function keySetOf(keys: readonly StoredKey[], keyRing: KeyRing): KeySet {
  const active = algorithms.flatMap((alg): ActiveKey[] => {
    const key = keys.find((candidate) => candidate.alg === alg && candidate.state === 'current');
    return key === undefined ? [] : [{ kid: key.kid, alg, privateJwk: openPrivateKey(keyRing, key) }];
  });
  return { active, published: keys.filter(({ state }) => state !== 'current').map(({ publicJwk }) => publicJwk) };
}

function withoutPrivateKey(stored: StoredKey): SigningKey {
  const { privateKey: _, ...key } = stored;
  return key;
}
