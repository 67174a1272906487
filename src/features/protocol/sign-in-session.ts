import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import type { Session } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Place } from '../../foundation/geo/place.ts';
import type { ClientHints } from '../../foundation/http/client-hints.ts';
import type { Clients } from '../clients/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import { type AssuranceRule, owesSecondFactor, singleFactor } from './assurance.ts';
import { authorizationsOf, type LogoutNotice, wantsNotice } from './endings.ts';
import type { PayloadCodec } from './payload.ts';
import { type SignInResult, wantsPassword } from './proof.ts';
import { isNew } from './session-model.ts';
import { type ProtocolStore, type SessionRow, writes } from './store.ts';
import { currentUnit, requireUnit, type UnitOfWork } from './unit.ts';
import type { WatchSession } from './watch-session.ts';

export interface SignInSessionParts extends AssuranceRule {
  readonly provider: () => Provider;
  readonly clock: Clock;
  readonly store: Pick<ProtocolStore, 'sessionByUid' | 'livingSessions'>;
  readonly codec: Pick<PayloadCodec, 'decode' | 'keyOf'>;
  readonly clients: Clients;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly watch: WatchSession;
  /** The operation that puts a notice into the outbox. */
  readonly notice: (notice: LogoutNotice) => Operation;
}

/** The sign-in that came with a request. */
export interface CurrentSignIn {
  readonly accountId: string;
  /** Names it among the person's sign-ins; no secret. */
  readonly id: string;
  /** When the person last proved who they are, in milliseconds. */
  readonly provedAt: number;
  /** How. */
  readonly acr: string;
  readonly amr: readonly string[];
}

/** One of a person's sign-ins. Times are milliseconds since the epoch. */
export interface ListedSignIn {
  readonly id: string;
  readonly startedAt: number;
  readonly lastSeenAt: number;
  /** What the browser said that it is, and where it was used last. */
  readonly userAgent?: string | undefined;
  readonly hints?: ClientHints | undefined;
  readonly address?: string | undefined;
  readonly place?: Place | undefined;
}

/** Says of a sign-in whether it is meant. */
export type PickSignIn = (signIn: { readonly id: string; readonly amr: readonly string[] }) => boolean;

/** The sign-in session of a browser, outside the protocol's own endpoints. */
export interface SignInSessions {
  /** Who is signed in with this request's cookie; nobody while they owe a second factor, or have to show again who they are. */
  accountOf(ctx: Context): Promise<string | undefined>;
  /** The sign-in behind `accountOf`. */
  current(ctx: Context): Promise<CurrentSignIn | undefined>;
  /** Starts a session in this browser outside the authorization endpoint: only the set-up page does. */
  start(ctx: Context, result: SignInResult): Promise<void>;
  /** Notes that the person of this session has shown more than they signed in with. */
  raise(ctx: Context, proved: Pick<SignInResult, 'amr' | 'acr'>): Promise<void>;
  /** Ends this browser's session, what depends on it, and tells the clients that took part. The id of who was signed in. */
  end(ctx: Context): Promise<string | undefined>;
  /** A person's sign-ins, the one that was used last first. */
  list(accountId: string): Promise<ListedSignIn[]>;
  /** Ends one of a person's sign-ins as `end` does. False when they have none of this id. */
  endOne(accountId: string, id: string, reason: 'account' | 'limit' | 'password'): Promise<boolean>;
  /**
   * Ends a person's sign-ins that are under way, but the one in the interaction `but`: with a password that was replaced
   * meanwhile they could be kept just short of their end, and finished later.
   */
  endUnderWay(accountId: string, but?: string): void;
  /** Ends those of a person's sign-ins that `which` picks, by id and by how they were proved. Their ids. */
  endThose(accountId: string, which: PickSignIn): Promise<string[]>;
}

/** The sessions of whichever engine is current. */
export function createSignInSessions(parts: SignInSessionParts): SignInSessions {
  const read = (ctx: Context): Promise<Session> => parts.provider().Session.get(ctx as never);
  const current = async (ctx: Context): Promise<CurrentSignIn | undefined> => {
    const session = await read(ctx);
    const { accountId, acr, uid } = session;
    if (accountId === undefined) return undefined;
    if (await owesSecondFactor(parts, { ctx, accountId, acr, asked: false })) return undefined;
    const isAtRisk = await parts.watch(ctx, session, { saves: false });
    if (isRenamed(session)) await saveRenamed(parts, ctx, session);
    if (isAtRisk) return undefined;
    const provedAt = (session.authTime() ?? 0) * 1000;
    return { accountId, id: sha256(uid), provedAt, acr: acr ?? singleFactor, amr: session.amr ?? [] };
  };
  const list = async (accountId: string): Promise<ListedSignIn[]> =>
    (await parts.store.livingSessions(accountId, parts.clock.now())).map(toListed);
  return {
    accountOf: async (ctx) => (await current(ctx))?.accountId,
    current,
    start: async (ctx, result) => start(parts, await read(ctx), ctx, result),
    async raise(ctx, { amr, acr }) {
      const session = await read(ctx);
      const { accountId, loginTs, amr: former = [] } = session as Session & { loginTs?: number };
      if (accountId === undefined) return;
      const reached = wantsPassword(former) ? session.acr : acr;
      // The time stays: a code makes nobody's password younger.
      session.loginAccount({ accountId, amr: [...new Set([...former, ...amr])], acr: reached, loginTs } as never);
      await session.persist();
    },
    end: async (ctx) => endHere(parts, await read(ctx), ctx),
    list,
    endUnderWay: (accountId, but) => endUnderWay(parts, accountId, but),
    endThose: async (accountId, which) => endThose(parts, await list(accountId), { accountId, which }),
    async endOne(accountId, id, reason) {
      const isOwn = (await list(accountId)).some((one) => one.id === id);
      if (!isOwn) return false;
      const session = await sessionBehind(parts, id);
      if (session?.accountId === accountId) return endSession(parts, session, reason);
      // Its cookie has expired: only the row is left to end.
      const params = [id, parts.clock.now(), reason];
      currentUnit()?.add({ rank: 'session', key: id, statement: writes.endSession, params });
      return true;
    },
  };
}

function endUnderWay({ codec, clock }: SignInSessionParts, accountId: string, but: string | undefined): void {
  const kept = but === undefined ? '' : codec.keyOf('Interaction', but);
  const params = [accountId, clock.now(), kept];
  requireUnit().add({ rank: 'ending', key: accountId, statement: writes.endInteractionsOfAccount, params });
}

const toListed = (row: SessionRow): ListedSignIn => ({
  id: row.id,
  startedAt: row.created_at,
  lastSeenAt: row.last_seen_at,
  userAgent: row.user_agent ?? undefined,
  address: row.address ?? undefined,
  hints: row.hints === null ? undefined : (JSON.parse(row.hints) as ClientHints),
  place: row.place === null ? undefined : (JSON.parse(row.place) as Place),
});

/** Ends this browser's own. */
async function endHere(parts: SignInSessionParts, session: Session, ctx: Context): Promise<string | undefined> {
  const { accountId } = session;
  if (!(await endSession(parts, session, 'sign_out'))) return undefined;
  clearCookie(parts.provider(), ctx);
  return accountId;
}

async function endThose(
  parts: SignInSessionParts,
  among: readonly ListedSignIn[],
  { accountId, which }: { accountId: string; which: PickSignIn },
): Promise<string[]> {
  const ended: string[] = [];
  for (const { id } of among) {
    const session = await sessionBehind(parts, id);
    const isOne = session?.accountId === accountId && which({ id, amr: session.amr ?? [] });
    if (isOne && (await endSession(parts, session, 'provider'))) ended.push(id);
  }
  return ended;
}

/** The session by its row's id: its cookie's record knows the uid that the id is the hash of. */
async function sessionBehind({ store, codec, provider }: SignInSessionParts, id: string): Promise<Session | undefined> {
  const row = (await store.sessionByUid(id)).find(({ kind }) => kind === 'Session');
  const uid = row && codec.decode('Session', row.id, row.payload, undefined)['uid'];
  return typeof uid === 'string' ? provider().Session.findByUid(uid) : undefined;
}

/** Ends a session and what depends on it, and tells the clients that took part. */
async function endSession(
  parts: SignInSessionParts,
  session: Session,
  reason: UnitOfWork['endReason'],
): Promise<boolean> {
  const { accountId } = session;
  const unit = currentUnit();
  if (accountId === undefined || !unit) return false;
  unit.endReason = reason;
  for (const [clientId, { sid, grantId, persistsLogout }] of authorizationsOf(session)) {
    if (sid) notify(parts, unit, { clientId, subject: accountId, sessionId: sid });
    if (grantId && !persistsLogout) await endGrant(parts.provider(), grantId);
  }
  await session.destroy();
  return true;
}

const cookieOptions = { httpOnly: true, sameSite: 'lax', path: '/', signed: true } as const;

/** A fresh id, so that a cookie planted before does not become a signed-in one (session fixation). */
async function start(parts: SignInSessionParts, session: Session, ctx: Context, result: SignInResult): Promise<void> {
  const provider = parts.provider();
  const { sessionIdle } = parts.settings.current().lifetimes;
  if (!isNew(session)) session.resetIdentifier();
  // It ends with the browser: nobody has asked for more.
  session.loginAccount({ accountId: result.accountId, amr: [...result.amr], acr: result.acr, transient: true });
  giveCookie(provider, ctx, session);
  await session.save(sessionIdle);
}

/** By the library's own jar: it signs as the library will check. */
function giveCookie(provider: Provider, ctx: Context, session: Session, more: { expires?: Date } = {}): void {
  const { cookies } = provider.createContext(ctx.req, ctx.res);
  cookies.set(provider.cookieName('session'), session.jti, { ...cookieOptions, ...more });
}

/** Whether the session got another id in this request, which is not stored yet. */
const isRenamed = (session: Session): boolean => (session as { oldId?: string; touched?: boolean }).touched === true;

/** As the engine does: the browser gets the new id for as long as the session lasts. */
async function saveRenamed({ provider }: SignInSessionParts, ctx: Context, session: Session): Promise<void> {
  const { transient, exp } = session as { transient?: boolean; exp?: number };
  giveCookie(provider(), ctx, session, transient || exp === undefined ? {} : { expires: new Date(exp * 1000) });
  await session.persist();
}

function clearCookie(provider: Provider, ctx: Context): void {
  provider.createContext(ctx.req, ctx.res).cookies.set(provider.cookieName('session'), null, cookieOptions);
}

async function endGrant(provider: Provider, grantId: string): Promise<void> {
  await provider.AccessToken.revokeByGrantId(grantId);
  await provider.Grant.adapter.destroy(grantId);
}

function notify(parts: SignInSessionParts, unit: UnitOfWork, notice: LogoutNotice): void {
  if (!wantsNotice(parts.clients, notice.clientId)) return;
  const { statement, params } = parts.notice(notice);
  unit.add({ rank: 'outbox', key: String(params[0]), statement, params });
}
