import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Log } from '../../foundation/observe/log.ts';
import type { Audit, By } from '../audit/module.ts';
import type { AskTokens } from './ask-tokens.ts';
import type { Provider } from './provider.ts';
import type { RevokeTokens } from './revoke-tokens.ts';
import type { KeptTokens, TokenStore } from './tokens/store.ts';
import type { UpstreamTokens } from './upstream-tokens.ts';

/** What an app gets of a person's tokens at a provider. */
export type Retrieved =
  | { readonly kind: 'found'; readonly tokens: UpstreamTokens }
  /** There are none that can be used: the person has to sign in with the provider again. */
  | { readonly kind: 'none' }
  /** The provider does not answer just now. */
  | { readonly kind: 'unavailable' };

export interface TokenVaultParts {
  readonly clock: Clock;
  readonly database: Database;
  readonly log: Pick<Log, 'warn'>;
  readonly audit: Audit;
  readonly tokens: TokenStore;
  readonly askTokens: AskTokens;
  readonly revokeTokens: RevokeTokens;
}

/** Whose tokens are wanted, and who wants them. */
export interface Wanted {
  readonly userId: string;
  readonly provider: Provider;
  readonly client: string;
  readonly by: By;
}

/** Tokens are renewed this long before they end, in milliseconds: who gets one has to have time to use it. */
const earlyMs = 60_000;

/** How long one process may take to renew before another one tries: longer than a provider is waited for. */
const leadMs = 15_000;

/** How long, and how often, it is looked whether somebody else has renewed them. */
const looks = 50;
const lookMs = 100;

/** Finds tokens, renewed where they are too old: by one process of the fleet, for whom all others wait. */
export function createTokenVault(parts: TokenVaultParts) {
  return async (wanted: Wanted): Promise<Retrieved> => {
    for (let look = 0; look < looks; look += 1) {
      const kept = await parts.tokens.find(wanted.userId, wanted.provider.name);
      if (!kept) return { kind: 'none' };
      const left = leftOf(parts.clock, kept);
      if (left > earlyMs) return { kind: 'found', tokens: kept };
      const renewed = await renew(parts, wanted, kept);
      if (typeof renewed === 'object') return { kind: 'found', tokens: renewed };
      // Somebody else is at it, or the provider rests: what is still good is good enough.
      if (renewed !== 'refused' && left > 0) return { kind: 'found', tokens: kept };
      if (renewed === 'refused') return { kind: 'none' };
      if (renewed === 'unavailable') return { kind: 'unavailable' };
      await delay(lookMs);
    }
    return { kind: 'unavailable' };
  };
}

const leftOf = (clock: Clock, { expiresAt }: UpstreamTokens): number =>
  expiresAt === undefined ? Number.POSITIVE_INFINITY : expiresAt - clock.now();

async function renew(
  parts: TokenVaultParts,
  wanted: Wanted,
  kept: KeptTokens,
): Promise<UpstreamTokens | 'refused' | 'unavailable' | 'others'> {
  const { clock, database, tokens, askTokens } = parts;
  const { refreshToken } = kept;
  if (refreshToken === undefined) return leftOf(clock, kept) > 0 ? 'others' : 'refused';
  const led = await database.commit({ operations: [tokens.lead(kept, clock.now() + leadMs)], fallback: [] });
  if (!led.committed) return 'others';
  const renewal = await askTokens.renew(wanted.provider, refreshToken);
  if (renewal.kind === 'renewed') return replace(parts, wanted, kept, renewal.tokens);
  const { reason } = renewal;
  parts.log.warn({ provider: kept.provider, reason }, 'an identity provider did not renew the tokens of a person');
  // Who was refused has nothing left; who was not answered is asked again when the lead is over.
  if (renewal.kind === 'refused') await drop(parts, wanted, kept, reason);
  return renewal.kind;
}

/** At once and by itself: a provider that gave another refresh token takes the former one no more. */
async function replace(
  { database, tokens, revokeTokens }: TokenVaultParts,
  { provider }: Wanted,
  kept: KeptTokens,
  fresh: UpstreamTokens,
): Promise<UpstreamTokens | 'others'> {
  const stored = await database.commit({ operations: [tokens.replace(kept, fresh)], fallback: [] });
  if (stored.committed) return fresh;
  // A new sign-in has brought others; or the identity was taken off meanwhile, and these go as well.
  const taken = [revokeTokens(provider.name, fresh)];
  await database.commit({ operations: [tokens.stands(kept)], fallback: taken });
  return 'others';
}

async function drop(
  { database, tokens, audit }: TokenVaultParts,
  { userId, provider, client, by }: Wanted,
  kept: KeptTokens,
  reason: string,
): Promise<void> {
  const details = { provider: provider.name, identity: kept.id };
  const told = { type: 'identity.tokens_lost', outcome: 'failure', reason, subject: userId, client, details } as const;
  const event = audit.record({ ...told, actor: { kind: 'system', name: 'federation' } }, by.facts);
  await database.commit({ operations: [tokens.drop(kept), event], fallback: [] });
}
