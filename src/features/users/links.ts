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

interface LinkOptions {
  readonly ttlSeconds: number;
  readonly subject?: string | undefined;
}

export function createLinks({ database, clock, random, audit, linkStore }: Parts) {
  function make(purpose: LinkPurpose, { ttlSeconds, subject }: LinkOptions, { actor, facts }: By) {
    const secret = secretToken(random);
    const expiresAt = clock.now() + ttlSeconds * 1000;
    // A set-up link and an invitation are for whoever has the address; the others for an account.
    const about = purpose === 'set-up' || purpose === 'invite' ? {} : { subject };
    const event = { type: 'link.created', outcome: 'success', actor, ...about, details: { purpose } } as const;
    const row = { id: sha256(secret), purpose, expiresAt, ...(subject === undefined ? {} : { subject }) };
    return { secret, expiresAt, row, recorded: audit.record(event, facts) };
  }

  return {
    async create(purpose: LinkPurpose, options: LinkOptions, by: By) {
      const { secret, expiresAt, row, recorded } = make(purpose, options, by);
      await database.together(async (tx, also) => {
        await linkStore.voidFormer(tx, purpose, options.subject);
        await linkStore.insert(tx, row);
        also(recorded);
      });
      return { secret, expiresAt };
    },
    prepare(purpose: LinkPurpose, options: LinkOptions, by: By) {
      const { secret, expiresAt, row, recorded } = make(purpose, options, by);
      return { secret, expiresAt, operations: [linkStore.put(row), recorded] };
    },
    countOpen: (purpose: LinkPurpose, subject: string): Promise<number> => linkStore.countOpen(purpose, subject),
    oldestOpen: (purpose: LinkPurpose, subject: string): Promise<number | undefined> =>
      linkStore.oldestOpen(purpose, subject),
    voidOpen: (purpose: LinkPurpose, subject: string): Operation => linkStore.voidAll(purpose, subject),
    sweep: (before: number): Operation => linkStore.sweep(before),
    peek: (purpose: LinkPurpose, secret: string): Promise<OneTimeLink | undefined> =>
      linkStore.find(purpose, sha256(secret)),
    use: (purpose: LinkPurpose, secret: string): Operation => linkStore.use(purpose, sha256(secret)),
  };
}
