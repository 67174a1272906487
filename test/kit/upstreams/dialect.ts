import type { Grant, OAuthError, Provider } from './provider.ts';

/** Someone with an account at the stand-in. */
export interface Person {
  /** The provider's own, immutable name for them: `sub`, or `id` where it calls it so. */
  readonly sub: string;
  readonly name?: string;
  readonly username?: string;
  readonly email?: string;
  /** Whether the provider knows the address to be theirs; each says so in its own way, or not at all. */
  readonly emailVerified?: boolean;
  readonly picture?: string;
  /** How they sign in there. */
  readonly amr?: readonly string[];
  readonly acr?: string;
  /** GitHub: every address of the account; by default the one above, as primary. */
  readonly emails?: readonly { email: string; primary: boolean; verified: boolean }[];
  /** GitHub: organisations, whether they have accepted, and the slugs of their teams there. */
  readonly organisations?: readonly { login: string; state?: 'active' | 'pending'; teams?: readonly string[] }[];
  /** Microsoft: the directory they belong to. */
  readonly tenant?: string;
  /** Claims or fields of their own, over what follows from the rest; `undefined` leaves one out. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export type Endpoint =
  | 'discovery'
  | 'authorization'
  | 'token'
  | 'userinfo'
  | 'jwks'
  | 'endSession'
  | 'revocation'
  | 'emails'
  | 'orgs'
  | 'teams';

/** A request as a handler sees it, and as `requests` keeps it. */
export interface Call {
  readonly endpoint: Endpoint | undefined;
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly form: URLSearchParams;
  readonly body: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Objects become JSON; text goes as it is, as HTML unless the headers say otherwise. */
  readonly body?: unknown;
}

export type Handler = (call: Call, provider: Provider) => Reply | Promise<Reply>;

/** How one provider differs from the standard and from the others. What is left out behaves as the standard says. */
export interface Dialect {
  /** Where each endpoint is, below the stand-in's origin; what is not here does not exist. `:name` stands for one segment. */
  readonly paths: Readonly<Partial<Record<Endpoint, string>>>;
  /** Endpoints with an answer of their own. */
  readonly handlers?: Readonly<Partial<Record<Endpoint, Handler>>>;
  /** The path of the issuer, and so a provider of OpenID Connect; undefined without ID tokens. */
  readonly issuerPath?: string;
  /** More or other members of the discovery document. */
  readonly metadata?: (provider: Provider) => Record<string, unknown>;
  /** Refuses an authorization request for reasons of its own. */
  readonly refuses?: (request: URLSearchParams, provider: Provider, person?: Person) => string | undefined;
  /** How the client proves itself at the token endpoint; by default its secret, in the header or the form. */
  readonly provesClient?: (call: Call, provider: Provider) => Promise<boolean> | boolean;
  /** Whether a code brings a refresh token along. */
  readonly grantsRefresh?: (grant: Grant, provider: Provider) => boolean;
  /** Whether a used refresh token is replaced. Otherwise the answer names none, and the old one goes on. */
  readonly rotatesRefresh?: boolean;
  /** Claims of the ID token besides iss, sub, aud, exp, iat and nonce. */
  readonly idTokenClaims?: (grant: Grant, provider: Provider) => Record<string, unknown>;
  /** Makes the ID token of its claims in place of the stand-in. */
  readonly signs?: (claims: Record<string, unknown>, provider: Provider) => string;
  /** What the profile endpoint says; without it the claims of the ID token. */
  readonly profile?: (grant: Grant, provider: Provider) => Record<string, unknown>;
  /** The subject of the ID token, where it is not the person's own. */
  readonly subject?: (person: Person) => string;
  /** The token endpoint's answer, from the standard one. */
  readonly tokenReply?: (tokens: Record<string, unknown>, call: Call) => Reply;
  readonly tokenError?: (error: OAuthError, call: Call) => Reply;
  /** What comes back to the client beside code and state. */
  readonly redirectExtras?: (grant: Grant, provider: Provider) => Record<string, string>;
  /** Seconds an ID token and an access token hold. */
  readonly idTokenLifetime?: number;
  readonly accessTokenLifetime?: number;
  /** What the profile endpoint answers to a token it does not take. */
  readonly badToken?: Reply;
}
