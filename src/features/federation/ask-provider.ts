import * as oidc from 'openid-client';
import type { Clock } from '../../foundation/clock.ts';
import { AppError } from '../../foundation/errors.ts';
import { type Answer, type Arrival, readArrival } from './arrival.ts';
import { toleranceSeconds, type Way } from './attempt.ts';
import type { Connect } from './connect.ts';
import { endpointsOf, keepsTokens, type Provider, scopesOf, signsOutThere } from './provider.ts';
import type { Json } from './providers/preset.ts';
import { readTokens } from './upstream-tokens.ts';

/** Everything that is asked of a provider for one page, in milliseconds: a person does not wait longer. */
export const providerLimitMs = 3500;

/** What an authorization request carries along of the one that it is for. */
export interface Wishes {
  readonly prompt?: string | undefined;
  readonly loginHint?: string | undefined;
  readonly maxAge?: number | undefined;
  readonly uiLocales?: string | undefined;
}

/** A way that is about to be set out on. */
export interface Departure {
  readonly redirectUri: string;
  readonly state: string;
  readonly way: Way;
  readonly wishes: Wishes;
}

/** What came back to the callback. */
export interface Return {
  /** The callback's address with everything that came along. */
  readonly url: URL;
  readonly state: string;
  readonly way: Way;
  /** When it set out, in milliseconds. */
  readonly setOutAt: number;
}

/** Why a provider vouches for nobody: for pages, and in short for the audit. */
export interface Refusal {
  readonly problem: 'declined' | 'unavailable' | 'failed' | 'stale';
  readonly reason: string;
}

/** Asks providers who somebody is. Throws nothing that a provider does: see `refusalOf`. */
export interface AskProvider {
  /** The address to send the person to. */
  depart(provider: Provider, departure: Departure): Promise<URL>;
  /** Whom the provider vouches for, with everything that it told. */
  exchange(provider: Provider, found: Return): Promise<{ readonly arrival: Arrival; readonly json: Json }>;
}

export function createAskProvider(connect: Connect, clock: Clock): AskProvider {
  return {
    async depart(provider, { redirectUri, state, way, wishes }) {
      const { config } = await connect.open(provider, providerLimitMs);
      const isOidc = provider.preset.protocol === 'oidc';
      return oidc.buildAuthorizationUrl(config, {
        ...provider.preset.parameters,
        ...(keepsTokens(provider) ? provider.preset.offline?.parameters : {}),
        ...(way.anew ? provider.preset.sayingWhen : {}),
        ...provider.definition.parameters,
        ...(isOidc ? wishParameters(provider, wishes, way.anew) : {}),
        redirect_uri: redirectUri,
        scope: scopesOf(provider).join(' '),
        state,
        // RFC 9700 §2.1.1: a stolen code is worth nothing without it; providers that do not know it ignore it.
        code_challenge: await oidc.calculatePKCECodeChallenge(way.verifier),
        code_challenge_method: 'S256',
        ...(isOidc ? { nonce: way.nonce } : {}),
      });
    },
    async exchange(provider, found) {
      const connection = await connect.open(provider, providerLimitMs);
      try {
        const answer = await (provider.preset.protocol === 'oidc' ? oidcAnswer : plainAnswer)(
          provider,
          connection.config,
          found,
        );
        const arrival = readArrival(provider, answer);
        if (!arrival) throw new ProviderProblem('failed', 'no_subject');
        const tokens = keepsTokens(provider) ? readTokens(answer.tokens, clock) : undefined;
        const idToken = signsOutThere(provider) ? answer.tokens.id_token : undefined;
        return { arrival: { ...arrival, tokens, idToken, authTime: answer.authTime }, json: answer.json };
      } finally {
        connection.close();
      }
    },
  };
}

function wishParameters(provider: Provider, wishes: Wishes, anew: boolean): Record<string, string> {
  const { prompt, loginHint, maxAge = anew ? 0 : undefined, uiLocales } = wishes;
  const all = promptsFor(provider, prompt).join(' ');
  return {
    ...(all === '' ? {} : { prompt: all }),
    ...(loginHint === undefined ? {} : { login_hint: loginHint }),
    // OpenID Connect Core §2: only who is asked with it has to say when the person signed in.
    ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
    ...(uiLocales === undefined ? {} : { ui_locales: uiLocales }),
  };
}

/** Values of `prompt` that the provider takes. Who cannot be made to sign in anew there is at least asked who they are. */
function promptsFor(provider: Provider, prompt: string | undefined): string[] {
  const { prompts, offline } = provider.preset;
  const asksConsent = keepsTokens(provider) && offline?.asksConsent === true && prompt !== 'none';
  const asked = prompt === undefined || prompts === undefined || prompts.includes(prompt) ? prompt : 'select_account';
  return [asked, asksConsent ? 'consent' : undefined].filter((one) => one !== undefined);
}

/** A refusal of ours, of what a provider answered. */
class ProviderProblem extends Error {
  readonly problem: Refusal['problem'];

  constructor(problem: Refusal['problem'], reason: string) {
    super(reason);
    this.problem = problem;
  }
}

/** What was told, and the tokens that it was told with. */
type Told = Answer &
  Pick<Arrival, 'authTime'> & { readonly tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers };

/** OpenID Connect Core §3.1.3.7, with the signature, and UserInfo's `sub` (§5.3.2). */
async function oidcAnswer(provider: Provider, config: oidc.Configuration, found: Return): Promise<Told> {
  const { url, state, way, setOutAt } = found;
  const tokens = await oidc.authorizationCodeGrant(config, url, {
    expectedState: state,
    expectedNonce: way.nonce,
    pkceCodeVerifier: way.verifier,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  if (!claims) throw new ProviderProblem('failed', 'no_id_token');
  const { azp, auth_time: authTime } = claims;
  // No. 5: a token that was made for another client of this provider is no answer to us (substitution).
  if (azp !== undefined && azp !== provider.definition.client_id) throw new ProviderProblem('failed', 'wrong_azp');
  const toldAt =
    typeof authTime === 'number' && Number.isSafeInteger(Math.floor(authTime)) ? Math.floor(authTime) : undefined;
  const isOld = toldAt !== undefined && toldAt + toleranceSeconds < setOutAt / 1000;
  if (way.anew && isOld) throw new ProviderProblem('stale', 'not_asked_again');
  checkKeyIssuer(config, claims, tokens.id_token);
  const asksMore = provider.preset.userInfo === true && config.serverMetadata().userinfo_endpoint !== undefined;
  const more = asksMore ? await oidc.fetchUserInfo(config, tokens.access_token, claims.sub) : {};
  // What the token says goes first: it is signed.
  return { issuer: claims.iss, json: { ...fromForm(url), ...more, ...claims }, tokens, authTime: toldAt };
}

/**
 * Microsoft's shared tenants publish keys of several issuers, each with the one that it signs for.
 * https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-signing-key-issuer
 */
function checkKeyIssuer(config: oidc.Configuration, { iss, tid }: Json, idToken: string | undefined): void {
  const header = JSON.parse(Buffer.from(idToken?.split('.')[0] ?? '', 'base64url').toString()) as Json;
  const keys = (oidc.getJwksCache(config)?.jwks.keys ?? []) as readonly Json[];
  const issuer = keys.find(({ kid }) => kid === header['kid'])?.['issuer'];
  if (typeof issuer !== 'string') return;
  if (issuer.replace('{tenantid}', String(tid)) !== iss) throw new ProviderProblem('failed', 'wrong_key_issuer');
}

/** What Apple posts beside the code: a name, once, unsigned. It names nobody but the person who brought it. */
function fromForm(url: URL): Json {
  try {
    return { user: JSON.parse(url.searchParams.get('user') ?? 'null') as unknown };
  } catch {
    return {};
  }
}

/** OAuth 2.0: who it is says the provider's own API, asked with the access token. */
async function plainAnswer(provider: Provider, config: oidc.Configuration, found: Return): Promise<Told> {
  const { url, state, way } = found;
  const tokens = await oidc.authorizationCodeGrant(config, url, {
    expectedState: state,
    pkceCodeVerifier: way.verifier,
  });
  const read = async (address: string): Promise<unknown> => {
    const headers = new Headers({ accept: 'application/json' });
    const response = await oidc.fetchProtectedResource(
      config,
      tokens.access_token,
      new URL(address),
      'GET',
      undefined,
      headers,
    );
    if (response.status !== 200) throw new ProviderProblem('failed', `api_${response.status}`);
    if (!/^application\/(?:[\w.-]+\+)?json\b/.test(response.headers.get('content-type') ?? '')) {
      throw new ProviderProblem('failed', 'api_not_json');
    }
    return (await response.json()) as unknown;
  };
  const { userinfo } = endpointsOf(provider);
  const profile = await read(userinfo);
  if (typeof profile !== 'object' || profile === null) throw new ProviderProblem('failed', 'api_not_json');
  const more = await provider.preset.readMore?.(read, userinfo, provider.definition.policy.require);
  return { issuer: config.serverMetadata().issuer, json: { ...(profile as Json), ...more }, tokens };
}

const codeOf = (error: unknown): string | undefined => {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
};

/** What a failure at a provider comes to. Throws what is a failure of ours. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof ProviderProblem) return { problem: error.problem, reason: error.message };
  if (error instanceof oidc.AuthorizationResponseError) return toldBy(error.error);
  if (error instanceof oidc.ResponseBodyError) return { problem: 'failed', reason: `upstream_${word(error.error)}` };
  const outbound = outboundOf(error);
  if (outbound) return { problem: 'unavailable', reason: outbound };
  const status = statusOf(error);
  if (status !== undefined) return { problem: status >= 500 ? 'unavailable' : 'failed', reason: `http_${status}` };
  if (error instanceof oidc.ClientError || error instanceof oidc.WWWAuthenticateChallengeError) {
    return { problem: 'failed', reason: word((codeOf(error) ?? 'invalid_answer').toLowerCase()) };
  }
  if (error instanceof SyntaxError) return { problem: 'failed', reason: 'not_json' };
  throw error;
}

/** Errors that mean the provider is down, and those by which it, or the person there, says no (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6). */
const down: ReadonlySet<string> = new Set(['server_error', 'temporarily_unavailable']);
const noes: ReadonlySet<string> = new Set([
  'access_denied',
  'consent_required',
  'interaction_required',
  'login_required',
  // Apple's word for it: https://developer.apple.com/documentation/signinwithapplejs/configuring-your-webpage-for-sign-in-with-apple
  'user_cancelled_authorize',
]);

const toldBy = (error: string): Refusal => ({
  problem: down.has(error) ? 'unavailable' : noes.has(error) ? 'declined' : 'failed',
  reason: `upstream_${word(error)}`,
});

/** A code of theirs as a short word: whatever else they send ends here. */
const word = (code: string): string => code.replaceAll(/[^\w]/g, '_').slice(0, 60);

/** The code of what our own guard said, however deep the library has put it. */
function outboundOf(error: unknown): string | undefined {
  let cause: unknown = error;
  for (let depth = 0; depth < 6 && cause instanceof Error; depth += 1) {
    if (cause instanceof AppError && cause.code.startsWith('outbound_')) return cause.code;
    if (cause.name === 'TimeoutError' || cause.name === 'AbortError') return 'outbound_timeout';
    cause = cause.cause;
  }
  return undefined;
}

function statusOf(error: unknown): number | undefined {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Response && cause.status !== 200 ? cause.status : undefined;
}
