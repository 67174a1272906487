import type { Operation } from '../../foundation/db/statement.ts';
import { AppError } from '../../foundation/errors.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { Audit, AuditEvent, By } from '../audit/module.ts';
import type { NewUser, User, Users } from '../users/module.ts';
import type { Arrival } from './arrival.ts';
import type { AttemptProblem } from './attempt.ts';
import type { Identity } from './identity.ts';
import { keepsTokens, type Provider } from './provider.ts';
import type { AttemptStore, IdentityStore } from './store.ts';
import type { TokenStore } from './tokens/store.ts';

/** What becomes of somebody whom a provider vouches for. */
export type Welcome =
  /** The operations commit with the sign-in; the first must hit. */
  | { readonly kind: 'known'; readonly userId: string; readonly operations: readonly Operation[] }
  /** The account was made, and is stored. */
  | { readonly kind: 'created'; readonly userId: string }
  /** There is an account with the address: its person has to prove it before the identity is connected. */
  | { readonly kind: 'prove'; readonly userId: string }
  | {
      readonly kind: 'refused';
      readonly problem: AttemptProblem;
      /** Whose account it is, for the audit and for who is about to leave. */
      readonly subject?: string | undefined;
    };

export interface WelcomeParts {
  readonly ids: Ids;
  readonly audit: Audit;
  readonly users: Users;
  readonly identities: IdentityStore;
  readonly tokens: Pick<TokenStore, 'keep' | 'forget'>;
  readonly attempts: AttemptStore;
  /** Whether somebody with this address, or with one that nobody vouches for, may make an account without being asked in. */
  readonly registersAlone: (email: string | undefined) => boolean;
}

/** Somebody at the door. */
export interface Newcomer {
  readonly provider: Provider;
  readonly attemptId: string;
  readonly arrival: Arrival;
  readonly by: By;
  /** Whether they were to sign in anew and nothing says that they did: nobody's account is made of that. */
  readonly isSilent: boolean;
}

/**
 * Whose account it is goes by issuer and subject, never by an e-mail address: addresses change hands, and a provider's
 * word for one opens nobody's account here. An address that the provider has verified leads to the account that has it,
 * no further than to its sign-in; an unverified one leads nowhere.
 */
export function createWelcome(parts: WelcomeParts) {
  return async function welcome(newcomer: Newcomer): Promise<Welcome> {
    try {
      return await welcomeOnce(parts, newcomer);
    } catch (error) {
      // Somebody else was faster: with the identity, in another tab, or with the address.
      if (!isLost(error)) throw error;
      return welcomeOnce(parts, newcomer);
    }
  };
}

async function welcomeOnce(parts: WelcomeParts, newcomer: Newcomer): Promise<Welcome> {
  const { users, identities, registersAlone } = parts;
  const { provider, arrival } = newcomer;
  const { policy } = provider.definition;
  const known = await identities.find(arrival);
  if (known) return comeBack(parts, newcomer, known);
  const email = arrival.isEmailVerified ? arrival.email : undefined;
  const owner = email === undefined ? undefined : await users.findByLogin(email);
  if (owner && policy.link) return { kind: 'prove', userId: owner.id };
  // A public provider vouches for half the world: adding one must not open a server that takes no registrations.
  const mayCreate = policy.create ?? registersAlone(email);
  if (owner || !mayCreate) return refused('no-account');
  if (email === undefined) return refused('unverified');
  if (newcomer.isSilent) return refused('stale');
  return { kind: 'created', userId: await create(parts, newcomer, email) };
}

const refused = (problem: AttemptProblem): Welcome => ({ kind: 'refused', problem });

const isLost = (error: unknown): boolean =>
  error instanceof AppError && ['store_conflict', 'store_unique', 'user_email_taken'].includes(error.code);

async function comeBack(
  { users, identities, tokens, attempts }: WelcomeParts,
  { provider, attemptId, arrival }: Newcomer,
  identity: Identity,
): Promise<Welcome> {
  const user = await users.find(identity.userId);
  if (!user || user.disabledAt !== undefined) {
    return { kind: 'refused', problem: 'disabled', subject: identity.userId };
  }
  const always = provider.definition.policy.claims === 'always';
  const attributes = always ? arrival.attributes : identity.attributes;
  const claims = { ...user.claims, ...arrival.claims };
  const isSame = JSON.stringify(claims) === JSON.stringify(user.claims);
  const operations = [
    attempts.finish(attemptId),
    identities.use(identity, { label: labelOf(arrival), attributes }),
    ...keeping(tokens, { provider, arrival }, identity),
    // Never its address: what a provider calls somebody's today was somebody else's yesterday.
    ...(always && !isSame ? [{ ...users.changeClaims(user, claims), mustHit: false }] : []),
  ];
  return { kind: 'known', userId: user.id, operations };
}

/** What a provider gave with this sign-in takes the former tokens' place; where none are to be kept any more they go. */
function keeping(
  tokens: WelcomeParts['tokens'],
  { provider, arrival }: Pick<Newcomer, 'provider' | 'arrival'>,
  identity: Identity,
): Operation[] {
  if (keepsTokens(provider)) return arrival.tokens ? [tokens.keep(identity, arrival.tokens)] : [];
  return identity.tokensAt === undefined ? [] : [tokens.forget(identity)];
}

/** What a person knows the identity by. */
export const labelOf = ({ email, claims }: Arrival): string | undefined =>
  (email ?? claims.preferred_username ?? claims.name)?.slice(0, 320);

/** The identity becomes the account's, and the audit says so. */
export function connect(
  { ids, audit, identities }: Pick<WelcomeParts, 'ids' | 'audit' | 'identities'>,
  {
    provider,
    arrival,
    by,
    client,
  }: Omit<Newcomer, 'attemptId' | 'isSilent'> & { readonly client?: string | undefined },
  userId: string,
): Operation[] {
  const { issuer, subject, attributes, tokens } = arrival;
  const told = { issuer, subject, label: labelOf(arrival), attributes, tokens };
  const one = { id: ids.next(), userId, provider: provider.name, ...told };
  const details = { provider: provider.name, identity: one.id };
  const event: AuditEvent = {
    type: 'identity.linked',
    outcome: 'success',
    actor: by.actor,
    subject: userId,
    client,
    details,
  };
  return [identities.add(one), audit.record(event, by.facts)];
}

async function create(parts: WelcomeParts, newcomer: Newcomer, email: string): Promise<string> {
  const { users, attempts } = parts;
  const { arrival, attemptId, by } = newcomer;
  const alongside = async (id: string) => [attempts.finish(attemptId), ...connect(parts, newcomer, id)];
  const make = async (claims: NewUser['claims']): Promise<User> =>
    users.create({ email, email_verified: true, claims }, by, alongside);
  try {
    return (await make(arrival.claims)).id;
  } catch (error) {
    // What a provider says about somebody must not keep them out.
    if (!(error instanceof AppError) || error.code !== 'user_refused') throw error;
    return (await make({})).id;
  }
}
