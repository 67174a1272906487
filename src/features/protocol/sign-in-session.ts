import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import type { Session } from 'oidc-provider';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Clients } from '../clients/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import { authorizationsOf, type LogoutNotice, wantsNotice } from './endings.ts';
import type { SignInResult } from './interaction.ts';
import { currentUnit, type UnitOfWork } from './unit.ts';

export interface SignInSessionParts {
  readonly provider: () => Provider;
  readonly clients: Clients;
  readonly settings: Pick<SettingsModule, 'current'>;
  /** The operation that puts a notice into the outbox. */
  readonly notice: (notice: LogoutNotice) => Operation;
}

/** The sign-in session of a browser, outside the protocol's own endpoints. */
export interface SignInSessions {
  /** Who is signed in with this request's cookie. */
  accountOf(ctx: Context): Promise<string | undefined>;
  /** Starts a session in this browser outside the authorization endpoint: only the set-up page does. */
  start(ctx: Context, result: SignInResult): Promise<void>;
  /** Ends this browser's session, what depends on it, and tells the clients that took part. The id of who was signed in. */
  end(ctx: Context): Promise<string | undefined>;
}

/** The sessions of whichever engine is current. */
export function createSignInSessions(parts: SignInSessionParts): SignInSessions {
  const read = (ctx: Context): Promise<Session> => parts.provider().Session.get(ctx as never);
  return {
    accountOf: async (ctx) => (await read(ctx)).accountId,
    start: async (ctx, result) => start(parts, await read(ctx), ctx, result),
    async end(ctx) {
      const session = await read(ctx);
      const { accountId } = session;
      const unit = currentUnit();
      if (accountId === undefined || !unit) return undefined;
      for (const [clientId, { sid, grantId, persistsLogout }] of authorizationsOf(session)) {
        if (sid) notify(parts, unit, { clientId, subject: accountId, sessionId: sid });
        if (grantId && !persistsLogout) await endGrant(parts.provider(), grantId);
      }
      await session.destroy();
      clearCookie(parts.provider(), ctx);
      return accountId;
    },
  };
}

const cookieOptions = { httpOnly: true, sameSite: 'lax', path: '/', signed: true } as const;

/** A fresh id, so that a cookie planted before does not become a signed-in one (session fixation). */
async function start(parts: SignInSessionParts, session: Session, ctx: Context, result: SignInResult): Promise<void> {
  const provider = parts.provider();
  const { sessionIdle } = parts.settings.current().lifetimes;
  if (!(session as { new?: boolean }).new) session.resetIdentifier();
  session.loginAccount({ accountId: result.accountId, amr: [...result.amr], acr: result.acr });
  // The library's own jar: it signs as the library will check.
  const { cookies } = provider.createContext(ctx.req, ctx.res);
  cookies.set(provider.cookieName('session'), session.jti, { ...cookieOptions, maxAge: sessionIdle * 1000 });
  await session.save(sessionIdle);
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
