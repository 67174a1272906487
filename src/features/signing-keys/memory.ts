import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import { remember } from '../../foundation/remember.ts';
import {
  type ActiveKey,
  type DecryptionKey,
  isForEncryption,
  type KeySet,
  type SigningKey,
  signingAlgorithms,
} from './key.ts';
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

const nothing: Contents = {
  read: { revision: 0, keys: [] },
  keys: [],
  set: { active: [], published: [], decrypting: [] },
};

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
  const active = signingAlgorithms.flatMap((alg): ActiveKey[] => {
    const key = keys.find((candidate) => candidate.alg === alg && candidate.state === 'current');
    return key === undefined ? [] : [{ kid: key.kid, alg, privateJwk: openPrivateKey(keyRing, key) }];
  });
  const published = keys.filter(({ alg, state }) => state !== 'current' && !isForEncryption(alg));
  const decrypting = (['current', 'next', 'retired'] as const).flatMap((state) =>
    keys.filter((key) => key.state === state && isForEncryption(key.alg)).map((key) => decryptionKey(keyRing, key)),
  );
  return { active, published: published.map(({ publicJwk }) => publicJwk), decrypting };
}

const decryptionKey = (keyRing: KeyRing, key: StoredKey): DecryptionKey => ({
  privateJwk: openPrivateKey(keyRing, key),
  retired: key.state === 'retired',
});

function withoutPrivateKey(stored: StoredKey): SigningKey {
  const { privateKey: _, ...key } = stored;
  return key;
}
