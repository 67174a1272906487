import type { Configuration } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import { hmacSha256 } from '../../foundation/crypto/hash.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Random } from '../../foundation/random.ts';
import { createSaltStore, saltRow } from './subjects/store.ts';

/** Who an account is to the clients of a sector (OpenID Connect Core §8.1). */
export type SubjectOf = (sector: string, accountId: string) => Promise<string>;

const place = { table: 'subject_salts', column: 'salt', row: saltRow };

/**
 * Subjects that differ from sector to sector, so that two apps cannot find out that they have one person in common. They
 * are an HMAC under a salt of this installation, which is made when the first such client asks, kept sealed, and stays:
 * it must outlive the encryption keys, or every person would become somebody else when those are changed.
 */
export function createSubjectOf(parts: {
  readonly database: Database;
  readonly keyRing: KeyRing;
  readonly random: Random;
  readonly clock: Clock;
}): SubjectOf {
  const { keyRing, random, clock } = parts;
  const store = createSaltStore(parts.database);
  const read = async (): Promise<Buffer> => {
    if ((await store.find()) === undefined) await store.keep(keyRing.seal(random.bytes(32), place), clock.now());
    // Whoever was first: on every node the same one.
    return keyRing.open((await store.find()) ?? '', place);
  };
  let salt: Promise<Buffer> | undefined;
  return async (sector, accountId) => {
    salt ??= read().catch((error: unknown) => {
      salt = undefined;
      throw error;
    });
    return hmacSha256(await salt, JSON.stringify([sector, accountId]));
  };
}

/** The library's part in it. What is at a `sector_identifier_uri` was looked at when the client was registered. */
export const pairwiseSubjects = (subjectOf: SubjectOf) =>
  ({
    subjectTypes: ['public', 'pairwise'],
    pairwiseIdentifier: async (_ctx, accountId, client) => subjectOf(String(client.sectorIdentifier), accountId),
    sectorIdentifierUriValidate: () => false,
  }) satisfies Partial<Configuration>;
