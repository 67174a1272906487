import type { Context } from 'koa';
import type { Operation } from '../../foundation/db/statement.ts';
import { doorState, field } from '../../foundation/http/door.ts';
import type { IdentityInList, ProviderProblem } from '../../foundation/views/provider-pages.ts';
import type { Notices } from '../notices/module.ts';
import { currentUnit } from '../protocol/module.ts';
import type { User } from '../users/module.ts';
import type { Attempt } from './attempt.ts';
import { type LeaveParts, leave } from './interaction-pages.ts';
import type { Provider } from './provider.ts';
import type { Providers } from './providers.ts';
import { onPage } from './sign-in-pages.ts';
import type { SignOutThere } from './sign-out-pages.ts';
import type { IdentityStore } from './store.ts';
import { connect, type WelcomeParts } from './welcome.ts';

/** Who looks after their account, and through which sign-in. */
export interface AccountHolder {
  readonly user: User;
  readonly signIn: { readonly id: string };
}

/** What `/account` shows of other providers. */
export interface IdentitiesOnPage {
  readonly list: readonly IdentityInList[];
  /** Those that may be connected. */
  readonly providers: ReturnType<typeof onPage>[];
}

/** What became of connecting an identity. */
export type ConnectOutcome =
  | { readonly kind: 'connected' }
  | { readonly kind: 'problem'; readonly problem: ProviderProblem; readonly provider: string }
  /** Nothing waits here: an old page, or one of somebody else. */
  | { readonly kind: 'nothing' };

/** What account asks of this room, handed in by the composition root: it alone knows who may ask, and how fresh they are. */
export interface FederatedAccount {
  shown(ctx: Context, holder: AccountHolder): Promise<IdentitiesOnPage>;
  /** Sends the person to the provider that the form names. False when there is none of the name. */
  setOut(ctx: Context, holder: AccountHolder): Promise<boolean>;
  /** Takes up what a provider has said. */
  takeUp(ctx: Context, holder: AccountHolder): Promise<ConnectOutcome>;
  /**
   * The operation that fails a change unless an identity lets the person in, but for the one of this id. Undefined where
   * none does.
   */
  otherWay(userId: string, id?: string): Promise<Operation | undefined>;
  /** Takes an identity off the account, which the caller has made sure is not the last way in. False when there is none. */
  unlink(ctx: Context, holder: AccountHolder): Promise<boolean>;
  /** Leads who has ended the sign-in of this browser on by way of the provider that it came from, where that is asked for. */
  readonly signOutThere: SignOutThere;
}

export interface FederatedAccountParts extends LeaveParts, Pick<WelcomeParts, 'ids' | 'audit'> {
  /** Has the providers take back the tokens of a person that are kept with some identities. */
  readonly revokeKept: (userId: string, isMeant: (identity: string) => boolean) => Promise<Operation[]>;
  readonly providers: Pick<Providers, 'find' | 'usable'>;
  readonly identities: IdentityStore;
  readonly notices: Notices;
  readonly signOutThere: SignOutThere;
}

export function createFederatedAccount(parts: FederatedAccountParts): FederatedAccount {
  const { providers, identities, signOutThere } = parts;
  return {
    signOutThere,
    async shown(ctx, { user }) {
      const usable = providers.usable();
      doorState(ctx).formActions.push(...new Set(usable.map((one) => parts.connect.originOf(one))));
      const list = await identities.list(user.id);
      return {
        list: list.map(({ id, provider, label, createdAt, lastUsedAt }) => {
          const { title = provider, definition } = providers.find(provider) ?? {};
          return { id, title, type: definition?.type, label, createdAt, lastUsedAt };
        }),
        providers: usable
          .filter(({ name, definition }) => definition.policy.link && list.every((one) => one.provider !== name))
          .map((one) => onPage(one, '/account/identities/link')),
      };
    },
    async setOut(ctx, { user, signIn }) {
      const provider = providers.usable().find(({ name }) => name === field(ctx, 'provider'));
      if (!provider?.definition.policy.link) return false;
      const { uiLocales } = doorState(ctx);
      // The person is to choose whom to connect, not to find whoever that browser is signed in as.
      const wishes = { prompt: 'select_account', uiLocales } as const;
      await leave(ctx, parts, provider, { userId: user.id, signInId: signIn.id, anew: false, wishes });
      return true;
    },
    takeUp: (ctx, holder) => takeUp(ctx, parts, holder),
    async otherWay(userId, id = '') {
      const list = await identities.list(userId);
      const other = list.find((one) => one.id !== id && isUsable(providers.find(one.provider)));
      return other && identities.hold(userId, other.id);
    },
    async unlink(ctx, { user }) {
      const list = await identities.list(user.id);
      const one = list.find(({ id }) => id === field(ctx, 'identity'));
      if (!one) return false;
      currentUnit()?.joinStep([identities.remove(user.id, one.id)], 'consume');
      currentUnit()?.joinStep(await parts.revokeKept(user.id, (id) => id === one.id), 'outbox');
      currentUnit()?.joinStep(parts.notices.about({ kind: 'identity-unlinked' }, user, doorState(ctx)));
      currentUnit()?.events.push({
        type: 'identity.unlinked',
        outcome: 'success',
        actor: { kind: 'user', id: user.id },
        subject: user.id,
        details: { provider: one.provider, identity: one.id },
      });
      return true;
    },
  };
}

const isUsable = (provider: Provider | undefined): boolean => provider !== undefined && !provider.definition.disabled;

/** Only in the session that set out, for the person who did: somebody who signs in meanwhile gets no identity of others. */
async function ownAttempt(
  ctx: Context,
  { attempts }: FederatedAccountParts,
  { user, signIn }: AccountHolder,
): Promise<Attempt | undefined> {
  const attempt = await attempts.find(String(ctx.query['attempt']));
  const isOwn = attempt?.userId === user.id && attempt.signInId === signIn.id && attempt.uid === undefined;
  return isOwn ? attempt : undefined;
}

async function takeUp(ctx: Context, parts: FederatedAccountParts, holder: AccountHolder): Promise<ConnectOutcome> {
  const { user } = holder;
  const attempt = await ownAttempt(ctx, parts, holder);
  const provider = attempt && parts.providers.find(attempt.provider);
  if (!attempt || !provider) return { kind: 'nothing' };
  const problem = (why: ProviderProblem) => ({ kind: 'problem', problem: why, provider: provider.title }) as const;
  if (attempt.problem) return problem(attempt.problem);
  if (!attempt.isFiled || !attempt.arrival) return { kind: 'nothing' };
  currentUnit()?.joinStep([parts.attempts.finish(attempt.id)], 'consume');
  const known = await parts.identities.find(attempt.arrival);
  if (known) return known.userId === user.id ? { kind: 'connected' } : problem('taken');
  const by = { actor: { kind: 'user', id: user.id }, facts: doorState(ctx).facts } as const;
  currentUnit()?.joinStep(connect(parts, { provider, arrival: attempt.arrival, by }, user.id));
  currentUnit()?.joinStep(parts.notices.about({ kind: 'identity-linked' }, user, doorState(ctx)));
  return { kind: 'connected' };
}
