import type { UpstreamTokens } from './upstream-tokens.ts';

/** What a provider says of somebody that decides nothing yet: stored for the rooms that will ask for it. */
export interface Attributes {
  readonly roles?: readonly string[];
  readonly organizations?: readonly string[];
}

/** Who somebody is at another provider, connected to an account here. */
export interface Identity {
  readonly id: string;
  readonly userId: string;
  /** The provider's name, as the operator calls it. */
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
  /** How the provider calls the person, for the person: an address or a name. Nothing is decided by it. */
  readonly label: string | undefined;
  readonly attributes: Attributes;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly lastUsedAt: number | undefined;
  /** Since when the provider's tokens are kept that are there now, if any are. */
  readonly tokensAt: number | undefined;
}

/** An identity that is about to be connected. */
export type NewIdentity = Omit<Identity, 'createdAt' | 'lastUsedAt' | 'tokensAt'> & {
  readonly tokens?: UpstreamTokens | undefined;
};
