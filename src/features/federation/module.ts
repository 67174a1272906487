import type Router from '@koa/router';
import type { Clock } from '../../foundation/clock.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { MessageKind, Outbox } from '../../foundation/outbox/outbox.ts';
import type { Random } from '../../foundation/random.ts';
import type { Audit } from '../audit/module.ts';
import type { Clients } from '../clients/module.ts';
import { exportedTime, type PersonalData } from '../users/module.ts';
import { createFederatedAccount, type FederatedAccount } from './account-pages.ts';
import { createAskProvider } from './ask-provider.ts';
import { createAskTokens } from './ask-tokens.ts';
import { mountCallback } from './callback-pages.ts';
import { createCheckProvider, type ProviderFinding } from './check-provider.ts';
import { type ConnectParts, createConnect } from './connect.ts';
import { type InteractionPagesParts, mountInteraction } from './interaction-pages.ts';
import { type LogoutPagesParts, mountLogout } from './logout-pages.ts';
import { createReadLogoutToken } from './logout-token.ts';
import { createOffered } from './offered.ts';
import type { Provider } from './provider.ts';
import { createProviderRegistry, type Providers } from './providers.ts';
import { createRevokeTokens, type RevokeTokens, tokenRevocations } from './revoke-tokens.ts';
import { createSetOut } from './set-out.ts';
import { createFederatedSignIn, type FederatedSignIn, type FederatedSignInParts } from './sign-in-pages.ts';
import { createFederatedSignInStore, type FederatedSignInStore, sweepSignIns } from './sign-ins/store.ts';
import { createSignOutThere, mountLoggedOut, type SignOutThere } from './sign-out-pages.ts';
import { createAttemptStore, createIdentityStore, createProviderStore, type IdentityStore } from './store.ts';
import { mountTokens, type TokenPagesParts } from './token-pages.ts';
import { createTokenVault } from './token-vault.ts';
import { createTokenStore, type TokenStore } from './tokens/store.ts';
import { createWelcome, type WelcomeParts } from './welcome.ts';

export type { FederatedAccount } from './account-pages.ts';
export type { ProviderFinding } from './check-provider.ts';
export { callbackUrl, loggedOutUrl, type Provider } from './provider.ts';
export { type Providers, providersRevision } from './providers.ts';
export { tokenRevocationKind } from './revoke-tokens.ts';
export { type NewProvider, newProviderSchema } from './schema.ts';
export type { FederatedSignIn } from './sign-in-pages.ts';
export { beginSignIn } from './sign-ins/store.ts';

/**
 * Federation owns the other identity providers, who people are there, and the way there and back. It proves who
 * somebody is elsewhere and files that under the attempt that asked; sign-in's dispatcher decides what else is needed,
 * and protocol starts the session. Accounts are users', factors mfa's. Other rooms never import it: the composition root
 * hands sign-in and account what they show of it.
 */
export interface Federation {
  mount(router: Router): void;
  readonly signIn: FederatedSignIn;
  readonly signOutThere: SignOutThere;
  /** Takes away the identities that somebody else may have connected to an account since a time (milliseconds). */
  disown(userId: string, since: number): Promise<Disowned>;
  readonly account: FederatedAccount;
  readonly personal: PersonalData;
}

/** What is taken away: by whose word each could sign in, and the operations. */
export interface Disowned {
  readonly providers: readonly string[];
  readonly operations: readonly Operation[];
}

type Stored = { readonly database: Database; readonly clock: Clock; readonly keyRing: KeyRing };

/** The providers, for pages and commands alike. */
export const createProviders = (parts: Stored & { readonly audit: Audit }): Providers =>
  createProviderRegistry({ ...parts, store: createProviderStore(parts) });

/** Asks a provider everything that a sign-in would need, and explains what is wrong. */
export const providerCheck = (
  parts: ConnectParts & { readonly random: Random },
): ((provider: Provider) => Promise<ProviderFinding[]>) =>
  createCheckProvider({ ...parts, connect: createConnect(parts) });

/** How the outbox tells providers that tokens are not to work any more. */
export const createTokenRevocations = (
  parts: ConnectParts & { readonly providers: Providers; readonly audit: Audit },
): MessageKind => tokenRevocations({ ...parts, askTokens: createAskTokens(createConnect(parts), parts.clock) });

/** The operations that remove a batch of attempts, and of what was proved by them, that expired before the given time (milliseconds). */
export const sweepFederation = (parts: Stored, before: number): Operation[] => [
  createAttemptStore(parts).sweep(before),
  ...sweepSignIns(before),
];

type Made =
  | 'tokens'
  | 'vault'
  | 'revokeKept'
  | 'readLogoutToken'
  | 'signIns'
  | 'attempts'
  | 'identities'
  | 'ask'
  | 'connect'
  | 'setOut'
  | 'welcome'
  | 'offered';

export function createFederation(
  parts: Stored &
    ConnectParts & {
      readonly random: Random;
      readonly providers: Providers;
      readonly clients: Clients;
      readonly outbox: Pick<Outbox, 'put'>;
    } & Omit<TokenPagesParts, Made> &
    Omit<InteractionPagesParts, Made> &
    Omit<FederatedSignInParts, Made> &
    Omit<WelcomeParts, Made> &
    Omit<LogoutPagesParts, Made>,
): Federation {
  const attempts = createAttemptStore(parts);
  const identities = createIdentityStore(parts);
  const signIns = createFederatedSignInStore(parts);
  const connect = createConnect(parts);
  const ask = createAskProvider(connect, parts.clock);
  const tokens = createTokenStore(parts);
  const revokeTokens = createRevokeTokens(parts.outbox);
  const stored = { ...parts, attempts, identities, signIns, tokens, revokeTokens };
  const within = {
    ...stored,
    connect,
    ask,
    setOut: createSetOut({ ...stored, ask }),
    welcome: createWelcome(stored),
    offered: createOffered(parts),
    vault: createTokenVault({ ...stored, askTokens: createAskTokens(connect, parts.clock) }),
    revokeKept: createRevokeKept(stored),
    readLogoutToken: createReadLogoutToken({ clock: parts.clock, connect }),
  };
  const signOutThere = createSignOutThere(within);
  return {
    mount(router) {
      mountCallback(router, within);
      mountInteraction(router, within);
      mountLogout(router, within);
      mountLoggedOut(router, parts);
      mountTokens(router, within);
    },
    signOutThere,
    signIn: createFederatedSignIn(within),
    disown: (userId, since) => disown(within, userId, since),
    account: createFederatedAccount({ ...within, signOutThere }),
    personal: personalData(within),
  };
}

interface PersonalParts {
  readonly identities: IdentityStore;
  readonly signIns: FederatedSignInStore;
  readonly revokeKept: RevokeKept;
}

/** Whom other providers say somebody is. Of tokens only that they are kept: they belong to apps, and open other doors. */
const personalData = ({ identities, signIns, revokeKept }: PersonalParts): PersonalData => ({
  held: async ({ id }) => ({
    identities: (await identities.list(id)).map((one) => ({
      provider: one.provider,
      issuer: one.issuer,
      subject: one.subject,
      label: one.label,
      ...one.attributes,
      connected_at: exportedTime(one.createdAt),
      last_used_at: exportedTime(one.lastUsedAt),
      tokens_kept_at: exportedTime(one.tokensAt),
    })),
  }),
  // Tokens outlive the account at the provider otherwise, with nobody left who could take them back.
  erase: async ({ id }) => [...(await revokeKept(id, () => true)), signIns.erase(id), ...identities.erase(id)],
});

type RevokeKept = ReturnType<typeof createRevokeKept>;

function createRevokeKept({ tokens, revokeTokens }: { tokens: TokenStore; revokeTokens: RevokeTokens }) {
  return async (userId: string, isMeant: (identity: string) => boolean): Promise<Operation[]> =>
    (await tokens.all(userId)).filter(({ id }) => isMeant(id)).map((one) => revokeTokens(one.provider, one));
}

async function disown(
  { identities, revokeKept }: { identities: IdentityStore; revokeKept: RevokeKept },
  userId: string,
  since: number,
): Promise<Disowned> {
  const added = (await identities.list(userId)).filter(({ createdAt }) => createdAt >= since);
  const revoking = await revokeKept(userId, (id) => added.some((one) => one.id === id));
  // By time and not by name: what is connected while this is under way goes as well.
  return {
    providers: added.map(({ provider }) => provider),
    operations: [identities.removeSince(userId, since), ...revoking],
  };
}
