import type { Middleware } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { currentUnit, type UnitOfWork } from './unit.ts';

/** A sign-in that an interaction was answered with, as its session begins or is proved anew. */
export interface SignInBegun {
  /** The interaction's uid. */
  readonly interaction: string;
  /** Names it among the person's sign-ins. */
  readonly id: string;
  readonly accountId: string;
  readonly amr: readonly string[];
  /** Until when it lasts at most, in milliseconds. */
  readonly until: number;
}

type Login = NonNullable<NonNullable<KoaContextWithOIDC['oidc']['result']>['login']>;

/** The login that this request took up. The library carries one on into the answers that follow it: those began nothing. */
export function loginBegun({ oidc }: KoaContextWithOIDC, unit: UnitOfWork): Login | undefined {
  const login = oidc.result?.login;
  return login && login.ts !== unit.sessionBegan && oidc.session?.accountId === login.accountId ? login : undefined;
}

export interface TellBegunParts {
  readonly sessionAbsoluteSeconds: () => number;
  /** What other rooms store along with a sign-in. */
  readonly withSignIn: (begun: SignInBegun) => readonly Operation[];
}

/** Has other rooms store what they know of a sign-in together with its session, once that has a name. */
export function tellBegun({ sessionAbsoluteSeconds, withSignIn }: TellBegunParts): Middleware {
  return async (ctx, next) => {
    await next();
    const unit = currentUnit();
    const answered = ctx as unknown as KoaContextWithOIDC;
    const { session, entities } = (answered.oidc as KoaContextWithOIDC['oidc'] | undefined) ?? {};
    const login = session && entities?.Interaction && unit && loginBegun(answered, unit);
    if (!login) return;
    const { accountId, amr = [], ts } = login;
    const until = ((ts ?? 0) + sessionAbsoluteSeconds()) * 1000;
    const begun = { interaction: entities.Interaction.uid, id: sha256(session.uid), accountId, amr, until };
    unit.joinStep(withSignIn(begun));
  };
}
