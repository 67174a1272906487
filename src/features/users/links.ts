import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import type { Audit, By } from '../audit/module.ts';
import type { LinkStore } from './store.ts';
import type { LinkPurpose, OneTimeLink } from './user.ts';

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: Audit;
  readonly linkStore: LinkStore;
}

export function createLinks({ database, clock, random, audit, linkStore }: Parts) {
  return {
    async create(purpose: LinkPurpose, options: { ttlSeconds: number; subject?: string | undefined }, by: By) {
      const secret = secretToken(random);
      const expiresAt = clock.now() + options.ttlSeconds * 1000;
      const subject = options.subject === undefined ? {} : { subject: options.subject };
      await database.together(async (tx, also) => {
        await linkStore.voidFormer(tx, purpose, options.subject);
        await linkStore.insert(tx, { id: sha256(secret), purpose, expiresAt, ...subject });
        also(
          audit.record({ type: 'link.created', outcome: 'success', actor: by.actor, details: { purpose } }, by.facts),
        );
      });
      return { secret, expiresAt };
    },
    peek: (purpose: LinkPurpose, secret: string): Promise<OneTimeLink | undefined> =>
      linkStore.find(purpose, sha256(secret)),
    use: (purpose: LinkPurpose, secret: string): Operation => linkStore.use(purpose, sha256(secret)),
  };
}
