import type { Operation } from '../../foundation/db/statement.ts';
import type { SigningAlgorithm } from './algorithms.ts';
import type { DetailType } from './detail-types.ts';
import type { ClientMetadata } from './schema.ts';

/** A secret of a client, as it is kept. */
export interface ClientSecret {
  /** SHA-256 of its value, base64url. */
  readonly hash: string;
  /** Milliseconds since the epoch; absent when it does not expire. */
  readonly expiresAt?: number;
}

/** A relying app or service. */
export interface ClientRecord {
  readonly clientId: string;
  /** RFC 7591 names and ours. `scope` names only scopes that exist. */
  readonly metadata: ClientMetadata;
  /** Milliseconds since the epoch; absent while the client may be used. */
  readonly disabledAt?: number;
  /** Those that were not revoked. Whoever compares must look at `expiresAt` as well. */
  readonly secrets: readonly ClientSecret[];
}

export interface Scope {
  readonly name: string;
  /** The sentence that the consent page shows. */
  readonly description: string;
}

/** An API that tokens are issued for (RFC 8707). */
export interface Resource {
  /** Its absolute URI: the `resource` parameter and the token's `aud`. */
  readonly identifier: string;
  readonly accessTokenFormat: 'jwt' | 'opaque';
  /** Seconds; absent: `lifetimes.accessToken`. */
  readonly accessTokenTtl?: number;
  readonly signingAlg?: SigningAlgorithm;
  readonly scopes: readonly Scope[];
  /** Ids of clients that may introspect its tokens. */
  readonly introspectionClients: readonly string[];
  /** The kinds of authorization details that it understands (RFC 9396). */
  readonly detailTypes: readonly DetailType[];
}

/** A scope of a resource. The same name may belong to several. */
export interface ResourceScope extends Scope {
  readonly resource: string;
}

/** Gives the operations that end what a client still holds (grants, tokens). */
export type ClientEndings = (clientId: string) => Promise<readonly Operation[]>;

/** A client and its secret, which is told this once; absent for clients without one and where the caller gave it. */
export interface ClientWithSecret {
  readonly client: ClientRecord;
  readonly clientSecret?: string;
}
