import type { Context } from 'koa';
import { doorState } from '../../foundation/http/door.ts';
import type { SignInLocals } from '../../foundation/views/pages.ts';
import type { ProviderOnPage } from '../../foundation/views/provider-pages.ts';
import type { Mfa } from '../mfa/module.ts';
import type { Notices } from '../notices/module.ts';
import { currentUnit, type Interaction, multiFactor, type SignInResult } from '../protocol/module.ts';
import type { Users } from '../users/module.ts';
import type { Attempt } from './attempt.ts';
import { asksWho, type LeaveParts, leave, wishesOf } from './interaction-pages.ts';
import type { Offered } from './offered.ts';
import type { Provider } from './provider.ts';
import type { Providers } from './providers.ts';
import { connect, type WelcomeParts } from './welcome.ts';

/** What the sign-in page shows of other providers. */
export type FederationOnSignIn = Pick<SignInLocals, 'providers' | 'awaiting'> & {
  readonly problem: Extract<NonNullable<SignInLocals['problem']>, { kind: 'provider' }> | undefined;
};

/** What the sign-in room asks of this one, handed in by the composition root. */
export interface FederatedSignIn {
  /** What to show at an interaction, as it is stored. */
  shown(ctx: Context, interaction: Interaction): Promise<FederationOnSignIn>;
  /** Sends somebody whom nothing asks anything here to a provider at once, once. False for everybody else. */
  goStraight(ctx: Context, interaction: Interaction): Promise<boolean>;
  /** Sends the person of an address to the provider that is its home. False where there is none. */
  goHome(ctx: Context, interaction: Interaction, login: string): Promise<boolean>;
  /** Whether an identity waits for its account's person to prove it: with every factor, whatever the browser may skip. */
  awaitsProof(uid: string): Promise<boolean>;
  /** Connects what waits, now that every step was taken. */
  settle(ctx: Context, interaction: Interaction, proved: SignInResult): Promise<void>;
}

export interface FederatedSignInParts extends LeaveParts, Pick<WelcomeParts, 'ids' | 'audit' | 'identities'> {
  readonly providers: Pick<Providers, 'find' | 'all'>;
  readonly users: Pick<Users, 'find'>;
  readonly mfa: Pick<Mfa, 'need'>;
  readonly notices: Notices;
  readonly offered: Offered;
}

export const onPage = ({ name, title, definition }: Provider, action: string): ProviderOnPage => ({
  name,
  title,
  type: definition.type,
  action,
});

export function createFederatedSignIn(parts: FederatedSignInParts): FederatedSignIn {
  const { attempts, providers, users } = parts;
  // Without providers nothing can have come back: most servers have none, and each step of each sign-in would be a read.
  const newest = async (uid: string): Promise<Attempt | undefined> =>
    providers.all().length === 0 ? undefined : attempts.newest(uid);
  const waiting = async (uid: string): Promise<(Attempt & { userId: string }) | undefined> => {
    const attempt = await newest(uid);
    return attempt?.isFiled && attempt.userId !== undefined ? { ...attempt, userId: attempt.userId } : undefined;
  };
  return {
    ...createWaysOut(parts),
    async shown(ctx, { uid, clientId }) {
      const offered = parts.offered.of(clientId);
      doorState(ctx).formActions.push(...new Set(offered.map((one) => parts.connect.originOf(one))));
      const attempt = await newest(uid);
      const title = attempt && providers.find(attempt.provider)?.title;
      const owner = attempt?.isFiled && attempt.userId !== undefined ? await users.find(attempt.userId) : undefined;
      return {
        providers: offered.map((one) => onPage(one, `/interaction/${uid}/federation/${one.name}`)),
        awaiting: title !== undefined && owner ? { provider: title, account: owner.email } : undefined,
        problem:
          title !== undefined && attempt?.problem
            ? { kind: 'provider', why: attempt.problem, provider: title }
            : undefined,
      };
    },
    awaitsProof: async (uid) => (await waiting(uid)) !== undefined,
    async settle(ctx, { uid, clientId }, proved) {
      const attempt = await waiting(uid);
      if (!attempt?.arrival || attempt.userId !== proved.accountId || !(await isProved(parts, proved))) return;
      const provider = providers.find(attempt.provider);
      const user = await users.find(proved.accountId);
      if (!provider || !user) return;
      const door = doorState(ctx);
      const by = { actor: { kind: 'user', id: user.id }, facts: door.facts } as const;
      const unit = currentUnit();
      unit?.joinStep([attempts.finish(attempt.id)], 'consume');
      unit?.joinStep(connect(parts, { provider, arrival: attempt.arrival, by, client: clientId }, user.id));
      unit?.joinStep(parts.notices.about({ kind: 'identity-linked' }, user, door));
    },
  };
}

/** The ways to a provider that nobody has to choose. */
function createWaysOut(parts: FederatedSignInParts): Pick<FederatedSignIn, 'goStraight' | 'goHome'> {
  return {
    async goStraight(ctx, interaction) {
      const provider = parts.offered.straight(interaction);
      // Whoever comes back from there, by whatever way, finds every way in.
      if (!provider || !asksWho(interaction) || (await parts.attempts.hasAny(interaction.uid))) return false;
      await leave(ctx, parts, provider, { uid: interaction.uid, ...wishesOf(ctx, interaction) });
      return true;
    },
    async goHome(ctx, interaction, login) {
      const provider = parts.offered.homeOf(interaction.clientId, login);
      if (!provider || !asksWho(interaction)) return false;
      await leave(ctx, parts, provider, {
        uid: interaction.uid,
        ...wishesOf(ctx, { ...interaction, loginHint: login }),
      });
      return true;
    },
  };
}

/**
 * Whether an account was shown to be the person's own: by a password or passkey, with the second factor where there is
 * one. The mailbox is not enough: that it is theirs is what the provider said already.
 */
async function isProved({ mfa }: Pick<FederatedSignInParts, 'mfa'>, { accountId, amr, acr }: SignInResult) {
  if (!amr.includes('pwd') && !amr.includes('pop')) return false;
  return acr === multiFactor || (await mfa.need(accountId, false)) === 'nothing';
}
