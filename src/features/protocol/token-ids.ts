import { Provider } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import { hmacSha256 } from '../../foundation/crypto/hash.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import { timeMark } from './token-time.ts';

/** What each kind of opaque token begins with, so that a look-up asks one table for one kind, and a leak is recognised. */
export const prefixes: Readonly<Record<string, string>> = {
  AccessToken: 'at_',
  ClientCredentials: 'cc_',
  RefreshToken: 'rt_',
};

interface TokenModel {
  readonly prototype: { generateTokenId(): string };
}

/** A new opaque token, which follows from no other one. */
export const newToken = (
  kind: 'AccessToken' | 'ClientCredentials' | 'RefreshToken',
  { random, clock }: { readonly random: Random; readonly clock: Clock },
): string => prefixes[kind] + timeMark(kind, clock.now()) + secretToken(random);

/** The refresh token that follows another one, the same whoever asks and however often. */
export const successorOf = (successorKey: Buffer, predecessor: string): string =>
  prefixes['RefreshToken'] + hmacSha256(successorKey, predecessor);

/**
 * Gives opaque tokens their prefix, and a refresh token's successor an id that follows from its predecessor: however
 * many racers rotate one token, and on however many nodes, they all compute the same successor.
 *
 * @param successorKey 32 bytes, the same on every node
 */
export function nameTokens(provider: Provider, successorKey: Buffer, clock: Clock): void {
  for (const [kind, prefix] of Object.entries(prefixes)) {
    const model = (provider as unknown as Record<string, TokenModel>)[kind];
    if (!model) throw new TypeError(`oidc-provider has no model ${kind}`);
    const original = model.prototype.generateTokenId;
    model.prototype.generateTokenId = function generateTokenId(this: unknown): string {
      // The library sets this entity just before it builds the successor (actions/grants/refresh_token.js).
      const rotated = kind === 'RefreshToken' ? Provider.ctx?.oidc?.entities?.['RotatedRefreshToken'] : undefined;
      const predecessor = (rotated as { jti?: string } | undefined)?.jti;
      if (predecessor) return successorOf(successorKey, predecessor);
      return prefix + timeMark(kind, clock.now()) + original.call(this as TokenModel['prototype']);
    };
  }
}
