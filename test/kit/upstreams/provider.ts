import { createHash, randomBytes } from 'node:crypto';
import type { Call, Dialect, Person, Reply } from './dialect.ts';
import { type Forgery, Keys } from './keys.ts';

/** What a code or token stands for. */
export interface Grant {
  readonly person: Person;
  /** The authorization request. */
  readonly request: URLSearchParams;
  /** Whether this person allows this client for the first time. */
  readonly isFirst: boolean;
  /** When they signed in, in seconds. */
  readonly authTime: number;
  readonly sid: string;
}

export class OAuthError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, description: string, status = 400) {
    super(description);
    this.code = code;
    this.status = status;
  }
}

export interface ProviderOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  /** What may be registered there; without it every address is. */
  readonly redirectUris?: readonly string[];
  /** Asks on a page who it is, instead of answering for the person chosen by the test. */
  readonly asks: boolean;
  /** Sends `iss` along with the code (RFC 9207), and announces it. */
  readonly sendsIssuer: boolean;
  /** Google: whether the app may be told when people signed in. */
  readonly tellsWhen?: boolean;
  /** Microsoft: whom the client's registration is for. */
  readonly tenant: string;
  /** Apple: what the client's secret is checked with. */
  readonly appleKey?: { readonly teamId: string; readonly keyId: string; readonly publicPem: string };
}

const token = (): string => randomBytes(24).toString('base64url');
const seconds = (): number => Math.floor(Date.now() / 1000);
const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** The part of a stand-in that all providers share: OAuth 2.0's authorization code flow with what each dialect changes. */
export class Provider {
  readonly origin: string;
  readonly dialect: Dialect;
  readonly options: ProviderOptions;
  readonly keys = new Keys();
  readonly people = new Map<string, Person>();
  /** Answers to forge, each once. */
  readonly forged: { idToken: Forgery[]; profile: Record<string, unknown>[]; redirect: Record<string, unknown>[] } = {
    idToken: [],
    profile: [],
    redirect: [],
  };
  /** For whom the stand-in answers without asking; undefined refuses as that person would. */
  chosen: string | undefined;

  readonly #codes = new Map<string, Grant>();
  readonly #accessTokens = new Map<string, { sub: string; grant: Grant; until: number }>();
  readonly #refreshTokens = new Map<string, Grant>();
  readonly #known = new Set<string>();

  constructor(origin: string, dialect: Dialect, options: ProviderOptions) {
    this.origin = origin;
    this.dialect = dialect;
    this.options = options;
  }

  get issuer(): string {
    return this.origin + this.#fill(this.dialect.issuerPath ?? '');
  }

  /** Microsoft has the tenant in its paths. */
  #fill(path: string): string {
    return path.replace(':tenant', this.options.tenant);
  }

  /** The address of an endpoint, undefined when this provider has none. */
  address(endpoint: keyof Dialect['paths']): string | undefined {
    const path = this.dialect.paths[endpoint];
    return path === undefined ? undefined : this.origin + this.#fill(path);
  }

  /** Why this request is not even answered to the client, as RFC 6749 §4.1.2.1 has it. */
  refusal(request: URLSearchParams): string | undefined {
    const redirect = request.get('redirect_uri') ?? '';
    if (request.get('client_id') !== this.options.clientId) return 'unknown client';
    if (!(this.options.redirectUris?.includes(redirect) ?? URL.canParse(redirect))) return 'redirect_uri_mismatch';
    return undefined;
  }

  /** The person's yes (their name) or no (undefined): what goes back to the client. */
  decide(request: URLSearchParams, sub: string | undefined): Record<string, string> {
    const person = this.people.get(sub ?? '');
    const refusal = request.get('response_type') === 'code' ? undefined : 'unsupported_response_type';
    const error =
      refusal ?? this.dialect.refuses?.(request, this, person) ?? (person === undefined ? 'access_denied' : undefined);
    const state = request.get('state');
    const common = {
      ...(state === null ? {} : { state }),
      ...(this.options.sendsIssuer ? { iss: this.issuer } : {}),
    };
    const answer =
      error === undefined && person
        ? { ...this.#allow(request, person), ...common }
        : { error: error ?? '', ...common };
    return this.#forgeRedirect(answer);
  }

  #allow(request: URLSearchParams, person: Person): Record<string, string> {
    const isFirst = !this.#known.has(person.sub);
    this.#known.add(person.sub);
    const grant = { person, request, isFirst, authTime: seconds(), sid: token() };
    const code = token();
    this.#codes.set(code, grant);
    return { code, ...this.dialect.redirectExtras?.(grant, this) };
  }

  #forgeRedirect(answer: Record<string, string>): Record<string, string> {
    const forged = { ...answer, ...this.forged.redirect.shift() };
    const kept = Object.entries(forged).filter(([, value]) => value !== undefined);
    return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
  }

  /** The token endpoint: a code or a refresh token for new ones. Throws OAuthError. */
  async exchange(call: Call): Promise<Record<string, unknown>> {
    const proves = this.dialect.provesClient ?? ((one: Call) => hasSecret(one, this.options));
    if (!(await proves(call, this))) throw new OAuthError('invalid_client', 'The client did not prove itself.', 401);
    if (call.form.get('grant_type') === 'refresh_token') return this.#refresh(call.form.get('refresh_token') ?? '');
    return this.#issue(this.#redeem(call.form), undefined);
  }

  #redeem(form: URLSearchParams): Grant {
    const code = form.get('code') ?? '';
    const grant = this.#codes.get(code);
    this.#codes.delete(code);
    if (!grant) throw new OAuthError('invalid_grant', 'The code is unknown, expired or was used before.');
    const { request } = grant;
    if (form.get('redirect_uri') !== request.get('redirect_uri')) {
      throw new OAuthError('invalid_grant', 'The redirect_uri is not the one of the request.');
    }
    const challenge = request.get('code_challenge');
    if (challenge !== null && digest(form.get('code_verifier') ?? '') !== challenge) {
      throw new OAuthError('invalid_grant', 'The code_verifier does not fit the code_challenge.');
    }
    return grant;
  }

  #refresh(given: string): Record<string, unknown> {
    const grant = this.#refreshTokens.get(given);
    if (!grant) throw new OAuthError('invalid_grant', 'Token has been expired or revoked.');
    if (this.dialect.rotatesRefresh) this.#refreshTokens.delete(given);
    return this.#issue(grant, given);
  }

  #issue(grant: Grant, refreshed: string | undefined): Record<string, unknown> {
    const lifetime = this.dialect.accessTokenLifetime ?? 3600;
    const accessToken = token();
    this.#accessTokens.set(accessToken, { sub: grant.person.sub, grant, until: seconds() + lifetime });
    const scope = grant.request.get('scope');
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: lifetime,
      ...(scope === null ? {} : { scope }),
      ...this.#refreshTokenFor(grant, refreshed),
      ...this.#idTokenFor(grant, refreshed !== undefined),
    };
  }

  #refreshTokenFor(grant: Grant, refreshed: string | undefined): { refresh_token?: string } {
    const isGranted = refreshed === undefined ? this.dialect.grantsRefresh?.(grant, this) : this.dialect.rotatesRefresh;
    if (!isGranted) return {};
    const refreshToken = token();
    this.#refreshTokens.set(refreshToken, grant);
    return { refresh_token: refreshToken };
  }

  #idTokenFor(grant: Grant, isRefreshed: boolean): { id_token?: string } {
    const asked = grant.request.get('scope')?.split(' ') ?? [];
    if (this.dialect.issuerPath === undefined || !asked.includes('openid')) return {};
    const now = seconds();
    const claims = {
      iss: this.issuer,
      sub: this.subjectOf(grant.person),
      aud: this.options.clientId,
      iat: now,
      exp: now + (this.dialect.idTokenLifetime ?? 3600),
      // A nonce belongs to the request that the person's browser made, not to a refresh (OpenID Connect Core §12.2).
      nonce: isRefreshed ? undefined : (grant.request.get('nonce') ?? undefined),
      ...this.dialect.idTokenClaims?.(this.#current(grant), this),
    };
    const forgery = this.forged.idToken.shift();
    return { id_token: this.dialect.signs?.(claims, this) ?? this.keys.sign(claims, { forgery }) };
  }

  subjectOf(person: Person): string {
    return this.dialect.subject?.(person) ?? person.sub;
  }

  /** The grant with the person as they are now: they may have changed their address since. */
  #current(grant: Grant): Grant {
    return { ...grant, person: this.people.get(grant.person.sub) ?? grant.person };
  }

  /** Whose access token came with this request; undefined when it is none that holds. */
  bearer(call: Call): Grant | undefined {
    const given = /^(?:Bearer|token) (.+)$/i.exec(call.headers['authorization'] ?? '')?.[1] ?? '';
    const found = this.#accessTokens.get(given);
    return found === undefined || found.until <= seconds() ? undefined : this.#current(found.grant);
  }

  /** What the profile endpoint says of the bearer, wrongly when told so. */
  profileOf(grant: Grant): Record<string, unknown> {
    const { profile, idTokenClaims } = this.dialect;
    const said = profile?.(grant, this) ?? {
      sub: this.subjectOf(grant.person),
      ...idTokenClaims?.(grant, this),
    };
    return { ...said, ...this.forged.profile.shift() };
  }

  /** A logout token for this client (OpenID Connect Back-Channel Logout §2.4). */
  logoutToken(person: Person, forgery?: Forgery): string {
    const now = seconds();
    const claims = {
      iss: this.issuer,
      sub: this.subjectOf(person),
      aud: this.options.clientId,
      iat: now,
      exp: now + 120,
      jti: token(),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    };
    return this.keys.sign(claims, { forgery, header: { typ: 'logout+jwt' } });
  }

  expireAccessTokens(): void {
    this.#accessTokens.clear();
  }

  /** The person took their consent back in the provider's settings. */
  revokeRefreshTokens(): void {
    this.#refreshTokens.clear();
  }

  revoke(given: string): boolean {
    const hadAccess = this.#accessTokens.delete(given);
    return this.#refreshTokens.delete(given) || hadAccess;
  }
}

/** The secret, in the header or in the form (RFC 6749 §2.3.1). */
export function hasSecret(call: Call, { clientId, clientSecret }: ProviderOptions): boolean {
  const basic = /^Basic (.+)$/i.exec(call.headers['authorization'] ?? '')?.[1];
  if (basic === undefined) {
    return call.form.get('client_id') === clientId && call.form.get('client_secret') === clientSecret;
  }
  const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString().split(':').map(decodeForm);
  return id === clientId && secret === clientSecret;
}

const decodeForm = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

/** The standard's error answer (RFC 6749 §5.2). */
export const errorReply = ({ code, message, status }: OAuthError): Reply => ({
  status,
  body: { error: code, error_description: message },
});
