import * as oidc from 'openid-client';
import type { Clock } from '../../foundation/clock.ts';
import { breakingFetch } from '../../foundation/outbound/breaker.ts';
import type { FetchLike } from '../../foundation/outbound/fetch.ts';
import { appleSecret } from './apple-secret.ts';
import { endpointsOf, issuerOf, type Provider } from './provider.ts';

export interface ConnectParts {
  readonly issuer: string;
  readonly clock: Clock;
  /** Reaches allowed addresses only, follows no redirect, reads a limited body. */
  readonly fetch: FetchLike;
}

/** What one piece of work at a provider goes by. */
export interface Connection {
  readonly config: oidc.Configuration;
  /** Keeps what was learned (keys), for the next one. */
  close(): void;
}

/** Opens connections to providers. */
export interface Connect {
  /** `limitMs` is for everything that is asked through it, whatever the provider does. */
  open(provider: Provider, limitMs: number): Promise<Connection>;
  /** The keys that a provider signs with, a minute old at most. */
  keysOf(provider: Provider): Promise<unknown>;
  /** Origin of the provider's own pages, as far as it is known without asking. */
  originOf(provider: Provider): string;
}

/** How long metadata of a provider is taken from memory, in milliseconds. */
const metadataMs = 10 * 60 * 1000;

/** How long published keys are taken from memory, and how long asking for them may take, in milliseconds. */
const publishedMs = 60_000;
const keysLimitMs = 4000;

interface Memory {
  readonly updatedAt: number;
  readonly fetch: FetchLike;
  metadata?: { readonly body: string; readonly readAt: number };
  keys?: ReturnType<typeof oidc.getJwksCache>;
  published?: { readonly keys: unknown; readonly readAt: number };
}

export function createConnect({ issuer, clock, fetch }: ConnectParts): Connect {
  const memories = new Map<string, Memory>();
  const memoryOf = ({ name, updatedAt }: Provider): Memory => {
    const known = memories.get(name);
    if (known?.updatedAt === updatedAt) return known;
    const fresh: Memory = { updatedAt, fetch: breakingFetch({ clock, fetch }) };
    memories.set(name, fresh);
    return fresh;
  };
  // In development, where we speak http ourselves. Elsewhere a provider that does is refused.
  const isInsecure = (): boolean => issuer.startsWith('http:');
  const open = async (provider: Provider, limitMs: number): Promise<Connection> => {
    const insecure = isInsecure();
    const memory = memoryOf(provider);
    const limit = AbortSignal.timeout(limitMs);
    const send: oidc.CustomFetch = (url, options) => memory.fetch(url, { ...(options as RequestInit), signal: limit });
    const config =
      provider.preset.protocol === 'oauth2'
        ? plain(provider, { clock, send })
        : await discovered(provider, { clock, memory, send, insecure });
    if (insecure) oidc.allowInsecureRequests(config);
    if (memory.keys) oidc.setJwksCache(config, memory.keys);
    return {
      config,
      close() {
        const keys = oidc.getJwksCache(config);
        if (keys) memory.keys = structuredClone(keys);
      },
    };
  };
  const keysOf = async (provider: Provider): Promise<unknown> => {
    const memory = memoryOf(provider);
    if (memory.published && clock.now() - memory.published.readAt < publishedMs) return memory.published.keys;
    const { config } = await open(provider, keysLimitMs);
    const address = config.serverMetadata().jwks_uri ?? '';
    const response = await memory.fetch(address, { signal: AbortSignal.timeout(keysLimitMs) });
    const keys = (await response.json()) as unknown;
    memory.published = { keys, readAt: clock.now() };
    return keys;
  };
  return {
    open,
    keysOf,
    originOf: ({ definition, preset }) =>
      preset.protocol === 'oauth2'
        ? new URL(endpointsOf({ definition, preset }).authorization).origin
        : new URL(issuerOf({ definition, preset })).origin,
  };
}

/** A provider without discovery: what the operator or the preset says is its metadata. */
function plain(provider: Provider, { clock, send }: { clock: Clock; send: oidc.CustomFetch }): oidc.Configuration {
  const { authorization, token, revocation } = endpointsOf(provider);
  const server = {
    issuer: issuerOf(provider),
    authorization_endpoint: authorization,
    token_endpoint: token,
    ...(revocation === undefined ? {} : { revocation_endpoint: revocation }),
  };
  const config = new oidc.Configuration(server, provider.definition.client_id, {}, authenticationOf(provider, clock));
  config[oidc.customFetch] = withTrueStatus(send, token);
  return config;
}

/**
 * GitHub's token endpoint answers its errors with status 200. They are told for what they are, as RFC 6749 §5.2 has it:
 * https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
 */
const withTrueStatus =
  (send: oidc.CustomFetch, tokenEndpoint: string): oidc.CustomFetch =>
  async (url, options) => {
    const response = await send(url, options);
    if (url !== tokenEndpoint || response.status !== 200) return response;
    const body = await response.text();
    return new Response(body, { status: isTokenError(body) ? 400 : 200, headers: response.headers });
  };

function isTokenError(body: string): boolean {
  try {
    const told = JSON.parse(body) as { error?: unknown; access_token?: unknown } | null;
    return typeof told?.error === 'string' && told.access_token === undefined;
  } catch {
    return false;
  }
}

/** The place at which openid-client knows that Microsoft's issuer is a template (its `discovery`). */
const microsoftOrigin = 'https://login.microsoftonline.com';

/**
 * A provider by its metadata (OpenID Connect Discovery §4), read again after some minutes. Its signatures are checked
 * although the token endpoint's TLS would do (Core §3.1.3.7 no. 6): `alg: none` and foreign keys get nowhere.
 */
async function discovered(
  provider: Provider,
  parts: { clock: Clock; memory: Memory; send: oidc.CustomFetch; insecure: boolean },
): Promise<oidc.Configuration> {
  const { clock, memory, send, insecure } = parts;
  const real = new URL(issuerOf(provider));
  const isMicrosoft = provider.definition.type === 'microsoft';
  // National clouds have other hosts and the same template.
  const server = isMicrosoft ? new URL(real.pathname, microsoftOrigin) : real;
  const answer: oidc.CustomFetch = async (url, options) => {
    if (!url.endsWith('/.well-known/openid-configuration')) return send(url, options);
    const known = memory.metadata;
    if (known && clock.now() - known.readAt < metadataMs) return json(known.body);
    const response = await send(new URL(new URL(url).pathname, real).href, options);
    const body = await response.text();
    if (response.status === 200) memory.metadata = { body, readAt: clock.now() };
    return new Response(body, { status: response.status, headers: response.headers });
  };
  const execute = [oidc.enableNonRepudiationChecks, ...(insecure ? [oidc.allowInsecureRequests] : [])];
  const options = { [oidc.customFetch]: answer, execute, timeout: 30 };
  try {
    const { client_id: clientId } = provider.definition;
    return await oidc.discovery(server, clientId, {}, authenticationOf(provider, clock), options);
  } catch (error) {
    delete memory.metadata;
    throw error;
  }
}

const json = (body: string): Response => new Response(body, { headers: { 'content-type': 'application/json' } });

/** How we authenticate at the provider: as the operator says, else as the provider does, else as RFC 6749 §2.3.1 asks. */
function authenticationOf(provider: Provider, clock: Clock): oidc.ClientAuth {
  const { clientSecret, definition, preset } = provider;
  if (clientSecret === undefined) return oidc.None();
  const { apple, client_id: clientId } = definition;
  if (apple) {
    const key = { teamId: apple.team_id, keyId: apple.key_id, clientId, privateKey: clientSecret };
    return (server, client, body, headers) =>
      oidc.ClientSecretPost(appleSecret(key, server.issuer, clock))(server, client, body, headers);
  }
  const methods = { client_secret_basic: oidc.ClientSecretBasic, client_secret_post: oidc.ClientSecretPost };
  const said = definition.token_auth ?? preset.authentication;
  return (server, client, body, headers) => {
    const offered = server.token_endpoint_auth_methods_supported;
    const posts = offered !== undefined && !offered.includes('client_secret_basic');
    const method = said ?? (posts ? 'client_secret_post' : 'client_secret_basic');
    return methods[method](clientSecret)(server, client, body, headers);
  };
}
