import { textClaims } from '../text-claims.ts';

/** A JSON object as a provider sent it. Nothing in it is trusted beyond what the protocol has checked. */
export type Json = Readonly<Record<string, unknown>>;

/** Endpoints of a provider that has no discovery. */
export interface Endpoints {
  readonly authorization: string;
  readonly token: string;
  /** Answers who the access token is for. */
  readonly userinfo: string;
  /** Takes tokens back (RFC 7009), where there is one. */
  readonly revocation?: string | undefined;
}

/** Reads an address of the provider with the access token, as JSON. */
export type ReadApi = (url: string) => Promise<unknown>;

/** What a restriction may ask for, by name: `require` of a provider's policy. */
export interface Requirements {
  /** Google Workspace domains (`hd`). */
  readonly hd?: readonly string[] | undefined;
  /** Microsoft tenants (`tid`). */
  readonly tid?: readonly string[] | undefined;
  /** GitHub organisations by login. */
  readonly organizations?: readonly string[] | undefined;
  /** GitHub teams as `organisation/team`. */
  readonly teams?: readonly string[] | undefined;
  /** Domains of a verified e-mail address. */
  readonly domains?: readonly string[] | undefined;
}

/** What is particular about a kind of provider. A new one is one file like its neighbours. */
export interface Preset {
  /** What its button calls it unless the operator gives another title. */
  readonly title: string;
  /** OpenID Connect with discovery, or OAuth 2.0 with an API that says who it is. */
  readonly protocol: 'oidc' | 'oauth2';
  /** Whose subjects these are, unless the operator names another one (an own installation, a tenant). */
  readonly issuer?: string;
  readonly scopes: readonly string[];
  /** Asked for as well where the policy requires something that takes it. */
  readonly scopesFor?: (require: Requirements) => readonly string[];
  /** Where an OAuth 2.0 provider is found below its issuer. */
  readonly endpoints?: (issuer: string) => Endpoints;
  /** How the client authenticates where the provider does not say so itself. */
  readonly authentication?: 'client_secret_basic' | 'client_secret_post';
  /** The only values of `prompt` that it takes; absent where it takes the standard's. */
  readonly prompts?: readonly string[];
  /** Sent along with every authorization request. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** What is asked for so that tokens which are kept can be renewed. Absent where every code brings a refresh token, or none does. */
  readonly offline?: {
    readonly scope?: string;
    readonly parameters?: Readonly<Record<string, string>>;
    /** Whether the person has to be asked for it each time. */
    readonly asksConsent?: boolean;
  };
  /** What has it say when somebody signed in there, besides `max_age`, which the standard has for it. */
  readonly sayingWhen?: Readonly<Record<string, string>>;
  /** Whether the answer comes as a POST of another site. */
  readonly formPost?: boolean;
  /** Whether UserInfo tells more than the ID token. */
  readonly userInfo?: boolean;
  /** Where in its answers claims are found: see `claim-mapping`. */
  readonly mapping: Readonly<Record<string, string>>;
  /** Whether its answers say that the address was shown to be the person's. Absent: `email_verified` must be true. */
  readonly isEmailVerified?: (claims: Json) => boolean;
  /** Reads what one answer does not hold. */
  readonly readMore?: (read: ReadApi, userinfo: string, require: Requirements) => Promise<Json>;
}

/** What nobody has to tell in order to sign in: it is taken over where the operator's mapping says so. */
const unasked: ReadonlySet<string> = new Set(['gender', 'birthdate', 'phone_number']);

/** The claims that OpenID Connect names (Core §5.1), each by its own name. */
export const standardMapping: Readonly<Record<string, string>> = Object.fromEntries(
  ['sub', 'email', 'email_verified', ...textClaims.filter((name) => !unasked.has(name))].map((name) => [name, name]),
);
