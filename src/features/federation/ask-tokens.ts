import * as oidc from 'openid-client';
import type { Clock } from '../../foundation/clock.ts';
import { providerLimitMs, refusalOf } from './ask-provider.ts';
import type { Connect } from './connect.ts';
import type { Provider } from './provider.ts';
import { readTokens, type UpstreamTokens } from './upstream-tokens.ts';

/** What becomes of asking for new tokens. */
export type Renewal =
  | { readonly kind: 'renewed'; readonly tokens: UpstreamTokens }
  /** The provider, or the person there, has taken back what was given (RFC 6749 §5.2, `invalid_grant`). */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** Asks providers about tokens that they gave. */
export interface AskTokens {
  renew(provider: Provider, refreshToken: string): Promise<Renewal>;
  /** Takes tokens back at the provider (RFC 7009). False when it publishes no address for that. Rejects when it failed. */
  revoke(provider: Provider, tokens: Pick<UpstreamTokens, 'accessToken' | 'refreshToken'>): Promise<boolean>;
}

export function createAskTokens(connect: Connect, clock: Clock): AskTokens {
  return {
    async renew(provider, refreshToken) {
      try {
        const { config } = await connect.open(provider, providerLimitMs);
        const answer = await oidc.refreshTokenGrant(config, refreshToken);
        return { kind: 'renewed', tokens: readTokens(answer, clock) };
      } catch (error) {
        // What the library says of it may hold the provider's whole answer: only the short reason leaves here.
        const { reason } = refusalOf(error);
        return { kind: reason === 'upstream_invalid_grant' ? 'refused' : 'unavailable', reason };
      }
    },
    async revoke(provider, { accessToken, refreshToken }) {
      const { config } = await connect.open(provider, providerLimitMs);
      if (config.serverMetadata().revocation_endpoint === undefined) return false;
      // RFC 7009 §2.1: with the refresh token everything goes that was given with it.
      const [token, hint] =
        refreshToken === undefined ? [accessToken, 'access_token'] : [refreshToken, 'refresh_token'];
      await oidc.tokenRevocation(config, token, { token_type_hint: hint });
      return true;
    },
  };
}
