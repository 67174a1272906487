import type Provider from 'oidc-provider';
import type { Client, ClientMetadata } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import { equalHashes, sha256 } from '../../foundation/crypto/hash.ts';
import { type ClientRecord, type Clients, upstreamScopesOf } from '../clients/module.ts';
import type { Throttle } from '../throttle/module.ts';
import { cibaGrant } from './ciba.ts';
import { standardScopes } from './claims.ts';
import { type RefreshClientKeys, readOwnKeys } from './client-keys.ts';
import { houseClientId } from './routes.ts';
import { currentUnit } from './unit.ts';

/** The engine that asks for a client: each knows the scopes that it was built with. */
interface AskingEngine {
  readonly issuer: string;
  readonly scopes: ReadonlySet<string>;
}

/** What the adapter answers for `Client`: RFC 7591 metadata, never a secret. */
export function clientMetadata(clients: Clients, engine: AskingEngine, clientId: string): ClientMetadata | undefined {
  if (clientId === houseClientId) return houseClient(engine.issuer);
  const record = clients.find(clientId);
  if (!record || record.disabledAt !== undefined) return undefined;
  const {
    resources: _resources,
    refresh_grace_seconds: _grace,
    identity_providers: _providers,
    upstream_tokens: _tokens,
    authorization_details_types: types = [],
    request_uris: _requests,
    allowed_users: _people,
    allowed_roles: _roles,
    access_token_ttl: _accessToken,
    id_token_ttl: _idToken,
    refresh_token_idle_ttl: _idle,
    refresh_token_absolute_ttl: _absolute,
    backchannel_token_delivery_mode: deliveryMode = 'poll',
    ...metadata
  } = record.metadata;
  const scope = scopesOf(record, clients).filter((name) => engine.scopes.has(name));
  // The library takes the absence of a list for leave to use every kind, and refuses a client that names a former one.
  const known = types.filter((type) => clients.findDetailType(type) !== undefined);
  return {
    ...metadata,
    client_id: record.clientId,
    scope: scope.join(' '),
    authorization_details_types: known,
    ...(asksElsewhere(metadata) ? { backchannel_token_delivery_mode: deliveryMode } : {}),
  } as ClientMetadata;
}

/** The library wants the mode of such clients, and takes it from no other. */
const asksElsewhere = ({ grant_types: grants }: Pick<ClientRecord['metadata'], 'grant_types'>): boolean =>
  grants.includes(cibaGrant);

/**
 * What a client may ask for, always as a list: the library takes the absence of one for leave to ask for everything,
 * the scopes of other clients' APIs included.
 */
function scopesOf(record: ClientRecord, clients: Clients): string[] {
  const { metadata } = record;
  const listed = metadata.resources.flatMap((identifier) => clients.findResource(identifier)?.scopes ?? []);
  const own = metadata.scope === undefined ? standardScopes : metadata.scope.split(' ');
  return [...new Set([...own, ...listed.map(({ name }) => name), ...upstreamScopesOf(record)])];
}

/** `response_type=none` brings a session and no token: all that our own pages need. */
const houseClient = (issuer: string): ClientMetadata =>
  ({
    client_id: houseClientId,
    client_name: new URL(issuer).host,
    redirect_uris: [`${issuer}/`, `${issuer}/account`],
    post_logout_redirect_uris: [`${issuer}/`],
    response_types: ['none'],
    grant_types: [],
    token_endpoint_auth_method: 'none',
    scope: 'openid',
    first_party: true,
  }) as ClientMetadata;

interface ClientModel {
  find(id: string): Promise<Client | undefined>;
  needsSecret(): boolean;
  readonly prototype: {
    compareClientSecret(secret: string): Promise<boolean>;
    checkClientSecretExpiration(): void;
    backchannelLogout(subject: string, sessionId: string): Promise<void>;
  };
}

/** What `adaptClientModel` leaves of the library's own way. */
export interface AdaptedClients {
  /** Signs and sends a logout token to a client (OpenID Connect Back-Channel Logout §2.5). Rejects unless it was taken. */
  sendLogout(clientId: string, subject: string, sessionId: string): Promise<void>;
}

/** What secrets are checked with. */
export interface SecretCheck {
  readonly clients: Clients;
  readonly clock: Clock;
  readonly throttle: Pick<Throttle, 'isHeldSecret'>;
}

export interface ClientHooks extends SecretCheck {
  readonly refreshKeys: RefreshClientKeys;
  readonly throttle: Pick<Throttle, 'isHeldSecret' | 'wrongSecret'>;
  /** Called instead of an HTTP request within the request that ends the session. */
  readonly noticeLogout: (client: Client, subject: string, sessionId: string) => void;
}

/**
 * Whether a client's secret is accepted. Held are those of which too many wrong ones came from this address; nothing is
 * counted here.
 */
export function checkSecret({ clients, clock, throttle }: SecretCheck, clientId: string, secret: string) {
  const presented = sha256(secret);
  let matches = false;
  // All are compared, so that time does not tell which one matched.
  for (const { hash, expiresAt } of clients.find(clientId)?.secrets ?? []) {
    const usable = expiresAt === undefined || expiresAt > clock.now();
    if (equalHashes(hash, presented) && usable) matches = true;
  }
  const attempt = { clientId, address: currentUnit()?.address(), hash: presented };
  const held = throttle.isHeldSecret(attempt);
  return { accepted: matches && !held, held, attempt };
}

/**
 * Fits the library's client model to ours: several hashed secrets instead of one plain one, parsed clients remembered
 * for as long as their record stands, and logout notices that wait in the outbox instead of being sent at once.
 */
export function adaptClientModel(provider: Provider, hooks: ClientHooks): AdaptedClients {
  const { clients, throttle, noticeLogout } = hooks;
  const model = provider.Client as unknown as ClientModel;
  // Without a plain secret the library keeps no symmetric keys, so that HS256 is impossible (client_schema.js).
  model.needsSecret = () => false;
  model.prototype.checkClientSecretExpiration = () => {};
  model.prototype.compareClientSecret = async function compareClientSecret(this: Client, secret: string) {
    const { accepted, held, attempt } = checkSecret(hooks, this.clientId, secret);
    if (!accepted && !held) throttle.wrongSecret(attempt);
    return accepted;
  };
  const send = model.prototype.backchannelLogout;
  model.prototype.backchannelLogout = async function backchannelLogout(this: Client, subject, sessionId) {
    noticeLogout(this, subject, sessionId);
  };
  const parsed = new WeakMap<ClientRecord, Client>();
  const find = model.find;
  model.find = async function remember(this: ClientModel, id: string) {
    const record = typeof id === 'string' ? clients.find(id) : undefined;
    if (!record || record.disabledAt !== undefined) return find.call(this, id);
    const known = parsed.get(record);
    if (known) return known;
    const client = await find.call(this, id);
    if (client) {
      readOwnKeys(client, hooks.refreshKeys);
      parsed.set(record, client);
    }
    return client;
  };
  return {
    async sendLogout(clientId, subject, sessionId) {
      const client = await model.find(clientId);
      // A client that was disabled or lost its address meanwhile is not told any more.
      if (client?.backchannelLogoutUri) await send.call(client as never, subject, sessionId);
    },
  };
}
