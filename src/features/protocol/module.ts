import type { Context, Middleware } from 'koa';
import compose from 'koa-compose';
import type { Configuration } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import { type CookieSigner, createCookieSigner } from '../../foundation/crypto/cookie-signer.ts';
import { hmacSha256 } from '../../foundation/crypto/hash.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Places } from '../../foundation/geo/places.ts';
import { readClientHints } from '../../foundation/http/client-hints.ts';
import { doorState } from '../../foundation/http/door.ts';
import type { MessageKind } from '../../foundation/outbox/outbox.ts';
import type { Random } from '../../foundation/random.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Audit } from '../audit/module.ts';
import { type Clients, upstreamScopesOf } from '../clients/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import { createSignals } from '../signals/module.ts';
import type { SigningKeys } from '../signing-keys/module.ts';
import type { Throttle } from '../throttle/module.ts';
import type { PersonalData, Users } from '../users/module.ts';
import { Adapter, type AdapterDependencies } from './adapter.ts';
import { createApprovalStore } from './approvals/store.ts';
import { type Approvals, createApprovals, type Ping, pings } from './approvals.ts';
import { type Arrivals, createArrivals } from './arrivals.ts';
import type { MfaPolicyRule } from './assurance.ts';
import { auditUnit, type IssuedTokens } from './audit-unit.ts';
import type { AskedFor } from './ciba.ts';
import { standardScopes } from './claims.ts';
import { type ClientKeysParts, createClientKeys } from './client-keys.ts';
import { clientMetadata } from './client-model.ts';
import { type ConnectedApps, createConnectedApps } from './connected-apps.ts';
import { deviceFlow } from './device-pages.ts';
import type { LogoutNotice } from './endings.ts';
import { buildEngine, type Engine } from './engine.ts';
import { errorPage } from './error-page.ts';
import { createReadRequest } from './fetch-requests.ts';
import { createFindBearer, type FindBearer } from './find-bearer.ts';
import { holdStrangers } from './hold-strangers.ts';
import { createInteractions, type Interactions } from './interaction.ts';
import { createJwtTokens, type PublishedKey } from './jwt-tokens.ts';
import { limitUserCodes } from './limit-user-codes.ts';
import { logoutNotices } from './logout-notices.ts';
import { logoutPages } from './logout-pages.ts';
import type { MutualTlsParts } from './mutual-tls.ts';
import { createSubjectOf } from './pairwise.ts';
import { createPayloadCodec } from './payload.ts';
import { createPersonalData } from './personal.ts';
import { postToGet } from './post-to-get.ts';
import { presentJwt } from './present-jwt.ts';
import { readForm } from './read-form.ts';
import { createRefuse } from './refuse.ts';
import { createRememberedConsents } from './remembered-consent.ts';
import { machineEndpoints, publicDocuments } from './routes.ts';
import { guardGrant } from './save-artifact.ts';
import { serveUnit } from './serve-unit.ts';
import { createGrantOfSession } from './session-grant.ts';
import { showFormPost } from './show-form-post.ts';
import { createSightingStore } from './sightings/store.ts';
import { type SignInBegun, tellBegun } from './sign-in-begun.ts';
import { createSignInSessions, type SignInSessions } from './sign-in-session.ts';
import { createStartAgain, type FormerInteraction } from './start-again.ts';
import { createProtocolStore } from './store.ts';
import { keepLanguageOfLogout } from './ui-locales.ts';
import { type Origin, requireUnit } from './unit.ts';
import { createWatchSession } from './watch-session.ts';

export { appOnPage, backToApp } from './app-on-page.ts';
export type { Approval, Approvals } from './approvals.ts';
export type { Arrivals, Begun } from './arrivals.ts';
export { multiFactor, secondFactorReason, singleFactor } from './assurance.ts';
export type { AuthorizationDetail } from './authorization-details.ts';
export type { AskedFor } from './ciba.ts';
export { claimsOf } from './claims.ts';
export type { ConnectedApp, ConnectedApps } from './connected-apps.ts';
export { createEndings, type Endings, type LogoutNotice } from './endings.ts';
export type { Bearer, FindBearer } from './find-bearer.ts';
export type { Interaction, Interactions, MissingConsent } from './interaction.ts';
export { createSessionLedger, type LedgerRow, type SessionLedger } from './ledger/store.ts';
export { interactionSeconds } from './lifetimes.ts';
export { losses } from './losses.ts';
export {
  type KeptProof,
  keptProofMs,
  type Proof,
  type ProofFacts,
  proofOf,
  provedByEmailAlone,
  provedByKeyAlone,
  type SignInResult,
  wantsPassword,
} from './proof.ts';
export { houseClientId, isProtocolPath, machineEndpoints, methodsOf, publicDocuments, routes } from './routes.ts';
export { isAtRisk, sessionRiskReason } from './session-risk.ts';
export type { SignInBegun } from './sign-in-begun.ts';
export type { CurrentSignIn, ListedSignIn, SignInSessions } from './sign-in-session.ts';
export { currentUnit, requireUnit, type UnitOfWork } from './unit.ts';
export { vouchedOnlyReason } from './vouched-only.ts';

/**
 * Protocol owns OAuth and OpenID Connect: the engine (oidc-provider, which nothing else imports), its records, grants,
 * sign-in sessions, and the unit of work that each request is. It does not know how a person proves who they are or
 * what the pages of those steps look like: it hands over to sign-in and consent by redirecting to `/interaction/:uid`
 * and is answered through `interactions`. Clients, users, keys and settings come from their rooms.
 */
export interface Protocol {
  /** Makes a request one unit of work; wraps every route that may write. */
  readonly unit: Middleware;
  /** Answers the paths of `isProtocolPath`. */
  readonly serve: Middleware;
  /** Signs the cookies of the app that `serve` is mounted in. */
  readonly cookieSigner: CookieSigner;
  readonly interactions: Interactions;
  readonly sessions: SignInSessions;
  readonly arrivals: Arrivals;
  readonly apps: ConnectedApps;
  /** Who presents an access token at an endpoint of ours. */
  readonly findBearer: FindBearer;
  readonly personal: PersonalData;
  /** What apps ask people for who are elsewhere (CIBA). */
  readonly approvals: Approvals;
  /** How logout notices leave the outbox. */
  readonly logoutNotices: MessageKind;
  /** How clients are told that such a request was decided. */
  readonly pings: MessageKind;
  /** Builds a new engine from keys, clients and settings as they are now; requests in flight finish on the old one. */
  rebuild(): void;
  /** Operations that remove a small batch of records that expired long enough ago. */
  sweep(): readonly Operation[];
  /** The page for a request of a step that is over, unknown, or without its cookie. */
  readonly startAgain: ReturnType<typeof createStartAgain>;
}

export interface ProtocolParts extends MutualTlsParts {
  readonly issuer: string;
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly keyRing: KeyRing;
  readonly settings: SettingsModule;
  readonly clients: Clients;
  readonly users: Users;
  readonly signingKeys: SigningKeys;
  readonly throttle: Throttle;
  readonly audit: Audit;
  readonly places: Pick<Places, 'find'>;
  readonly views: Views;
  readonly fetch: NonNullable<Configuration['fetch']>;
  /** The operation that puts a logout notice into the outbox. */
  readonly notice: (notice: LogoutNotice) => Operation;
  /** What the browser of a request is called for an account. */
  readonly deviceOf: (ctx: Context, accountId: string) => string | undefined;
  /** How strictly people are held to a second factor. */
  readonly mfaPolicies: MfaPolicyRule;
  /** Whether the person has a second factor: the engine lets nobody with one through on a password alone. */
  readonly hasSecondFactor: (accountId: string) => Promise<boolean>;
  /** Whether the person has said that this browser may go without a second factor. */
  readonly isRemembered: (ctx: Context, accountId: string) => Promise<boolean>;
  readonly onServerError: (requestId: string, error: Error) => void;
  /** Told when the keys that a client publishes cannot be read. */
  readonly onKeysUnread: ClientKeysParts['onKeysUnread'];
  /** Told when a request object cannot be fetched, or is not what its address says. */
  readonly onRequestUnread: (clientId: string, error: unknown) => void;
  /** What other rooms store along with a sign-in that begins. */
  readonly withSignIn: (begun: SignInBegun) => readonly Operation[];
  /** The operation that puts a ping into the outbox. */
  readonly ping: (ping: Ping) => Operation;
  /** What tells a person that an app asks for something (CIBA), to be stored with the request. */
  readonly tellPerson: (asked: AskedFor) => Promise<readonly Operation[]>;
  /** Counts tokens, once they are stored. */
  readonly onTokens: (tokens: IssuedTokens) => void;
}

/** A record stays this long after it expired: an expired code must still be told from an unknown one (RFC 8628 §3.5). */
const keepExpiredMs = 60 * 60 * 1000;

export function createProtocol(parts: ProtocolParts): Protocol {
  const store = createProtocolStore(parts.database);
  const codec = createPayloadCodec(parts.keyRing);
  const jwtTokens = createJwtTokens({
    ...parts,
    store,
    publishedKeys: () => parts.signingKeys.list() as readonly PublishedKey[],
  });
  const records = adapterFactory({ ...parts, store, codec, jwtTokens });
  const consents = createRememberedConsents({ ...parts, store });
  const sessionKey = parts.keyRing.derive('clients in sessions');
  const grantOf = createGrantOfSession(sessionKey, store);
  const startAgain = createStartAgain({ ...parts, former: (uid) => formerInteraction({ store, codec }, uid) });
  const signals = createSignals(parts);
  const watch = createWatchSession({ ...parts, signals, sightings: createSightingStore(parts.database) });
  // Both outlive engines: a change of something else must not send us to every client.
  const outlive = {
    refreshKeys: createClientKeys(parts),
    readRequest: createReadRequest(parts.fetch),
    subjectOf: createSubjectOf(parts),
  };
  const waiting = createApprovalStore(parts.database);
  let engine: Engine;
  const provider = () => engine.provider;
  const cookieSigner = createCookieSigner(parts.keyRing.deriveAll('cookies'));
  const rebuild = () => {
    const own = { cookieSigner, sessionKey, consents, grantOf, watch, approvals: waiting, ...outlive };
    engine = buildEngine({ ...engineParts(parts, records, startAgain), ...own });
  };
  rebuild();
  const sessions = createSignInSessions({ ...parts, provider, store, codec, watch });
  const apps = createConnectedApps({ ...parts, store, codec });
  const serve = byReader(parts, (ctx, next) => engine.serve(ctx, next));
  return {
    unit: unitOf(parts),
    serve,
    cookieSigner,
    interactions: createInteractions({ ...parts, provider, consents, grantOf, serve }),
    sessions,
    arrivals: createArrivals({ ...parts, store, signals }),
    apps,
    findBearer: createFindBearer({ ...parts, provider }),
    personal: createPersonalData({ sessions, apps }),
    approvals: createApprovals({ ...parts, provider, store: waiting, codec }),
    logoutNotices: logoutNotices(parts.audit, () => engine.adapted),
    pings: pings(parts),
    rebuild,
    sweep: () => store.sweep(parts.clock.now() - keepExpiredMs),
    startAgain,
  };
}

/** Each request is one unit of work. */
function unitOf(parts: ProtocolParts): Middleware {
  const hooks = { audit: auditUnit(parts), origin: originOf(parts), refuse: createRefuse(parts) };
  return serveUnit({ ...parts, ...hooks, hold: holdStrangers(parts.throttle) });
}

function originOf({ deviceOf, places }: Pick<ProtocolParts, 'deviceOf' | 'places'>) {
  return (ctx: Context, accountId: string): Origin => {
    const { ip, userAgent } = doorState(ctx).facts;
    return {
      device: deviceOf(ctx, accountId),
      userAgent,
      address: ip,
      // Only when they are asked for: programs' requests take the address alone.
      get hints() {
        return readClientHints(ctx.headers);
      },
      get place() {
        return places.find(ip);
      },
    };
  };
}

/** Programs get the shortest way: what only pages need is not asked of them. */
function byReader(parts: ProtocolParts, serve: Middleware): Middleware {
  const { random, throttle, settings } = parts;
  const programs = compose([readForm(presentJwt(random)), serve]);
  const begins = tellBegun({ ...parts, sessionAbsoluteSeconds: () => settings.current().lifetimes.sessionAbsolute });
  const people = compose([
    postToGet(),
    limitUserCodes(throttle),
    keepLanguageOfLogout,
    showFormPost(parts),
    begins,
    serve,
  ]);
  return (ctx, next) => {
    if (publicDocuments.has(ctx.path)) return serve(ctx, next);
    return machineEndpoints.has(ctx.path) ? programs(ctx, next) : people(ctx, next);
  };
}

function adapterFactory(parts: ProtocolParts & Pick<AdapterDependencies, 'store' | 'codec' | 'jwtTokens'>) {
  const dependencies: AdapterDependencies = {
    ...parts,
    grantReference: grantReferences(parts.keyRing),
    graceMs: (clientId) => {
      const own = clientId === undefined ? undefined : parts.clients.find(clientId)?.metadata.refresh_grace_seconds;
      return (own ?? parts.settings.current().refresh.graceSeconds) * 1000;
    },
    sessionAbsoluteSeconds: () => parts.settings.current().lifetimes.sessionAbsolute,
  };
  return (kind: string) => new Adapter(kind, dependencies);
}

/** A grant's name inside JWTs: its id is no secret, but nobody else's business either. */
function grantReferences(keyRing: KeyRing): (grantId: string) => string {
  const key = keyRing.derive('grant references');
  return (grantId) => hmacSha256(key, grantId).slice(0, 32);
}

function engineParts(parts: ProtocolParts, records: (kind: string) => Adapter, startAgain: Protocol['startAgain']) {
  const reference = grantReferences(parts.keyRing);
  // As they are now: an engine refuses clients that name a scope which it was not built with.
  const scopes = new Set([
    ...standardScopes,
    ...parts.clients.scopes().map(({ name }) => name),
    ...parts.clients.all().flatMap(upstreamScopesOf),
  ]);
  const clients = { find: async (id: string) => clientMetadata(parts.clients, { issuer: parts.issuer, scopes }, id) };
  const adapter = (kind: string) => (kind === 'Client' ? clients : records(kind));
  const error = errorPage({ ...parts, startAgain });
  return {
    ...parts,
    settings: () => parts.settings.current(),
    keys: () => parts.signingKeys.current(),
    successorKey: parts.keyRing.derive('refresh token successors'),
    nonceSecret: parts.keyRing.derive('dpop nonces'),
    nobodyKey: parts.keyRing.derive('people who do not exist'),
    scopes,
    languages: parts.views.languages,
    adapter: adapter as unknown as NonNullable<Configuration['adapter']>,
    bindToGrant(grantId: string) {
      // A JWT access token writes no row of its own: the guard rides on its making.
      guardGrant(requireUnit(), grantId);
      return reference(grantId);
    },
    noticeLogout(client: { clientId: string }, subject: string, sessionId: string) {
      const { statement, params } = parts.notice({ clientId: client.clientId, subject, sessionId });
      requireUnit().add({ rank: 'outbox', key: String(params[0]), statement, params });
    },
    pages: {
      error,
      logout: logoutPages(parts),
      device: deviceFlow({ ...parts, error }),
    },
  };
}

/** Interactions end when they are answered and stay readable until the sweep: enough to name the app on a "start again" page. */
async function formerInteraction(
  { store, codec }: Pick<AdapterDependencies, 'store' | 'codec'>,
  uid: string,
): Promise<FormerInteraction | undefined> {
  const key = codec.keyOf('Interaction', uid);
  const row = await store.artifact(key);
  if (!row) return undefined;
  const params = codec.decode('Interaction', key, row.payload, uid)['params'] as Record<string, unknown> | undefined;
  const clientId = params?.['client_id'];
  return { clientId: typeof clientId === 'string' ? clientId : undefined, finished: row.ended_at !== null, params };
}
