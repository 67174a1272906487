import type { TokenEndpointResponse, TokenEndpointResponseHelpers } from 'openid-client';
import type { Clock } from '../../foundation/clock.ts';

/** What a provider gave for a person, to be used at the provider's own APIs. */
export interface UpstreamTokens {
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  /** As the provider said it; none where it granted what was asked for (RFC 6749 §5.1). */
  readonly scope?: string | undefined;
  /** Milliseconds since the epoch; none where it does not say, or never. */
  readonly expiresAt?: number | undefined;
}

/** The tokens of an answer that the library has checked. */
export function readTokens(answer: TokenEndpointResponse & TokenEndpointResponseHelpers, clock: Clock): UpstreamTokens {
  const lasts = answer.expiresIn();
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    scope: answer.scope,
    expiresAt: lasts === undefined ? undefined : clock.now() + lasts * 1000,
  };
}
