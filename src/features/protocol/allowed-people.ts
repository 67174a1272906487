import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import type { Clients } from '../clients/module.ts';
import { loginKey, type User, type Users } from '../users/module.ts';
import { currentUnit } from './unit.ts';

/** Why somebody is kept out of an app that is for others, as interactions and the audit say it. */
export const notAllowedReason = 'not_allowed';

/** Where it is said whom an app is for. */
export interface AllowedPeopleParts {
  readonly clients: Pick<Clients, 'find'>;
}

/**
 * Whether an app is for this person: for everybody, unless the operator has named people or roles. An address counts
 * once it is verified: whoever merely claims that of somebody who is named gets nowhere.
 */
export function isFor({ clients }: AllowedPeopleParts, clientId: string, user: User): boolean {
  const { allowed_users: people, allowed_roles: roles } = clients.find(clientId)?.metadata ?? {};
  if (people === undefined && roles === undefined) return true;
  if (roles?.some((role) => user.roles.includes(role))) return true;
  if (people === undefined) return false;
  const { ids, addresses } = named(people);
  return ids.has(user.id) || (user.emailVerified && addresses.has(loginKey(user.email) ?? ''));
}

interface Named {
  readonly ids: ReadonlySet<string>;
  readonly addresses: ReadonlySet<string>;
}

/** Read once for as long as the client is in memory: it is asked for every token (hot). */
const read = new WeakMap<readonly string[], Named>();

function named(people: readonly string[]): Named {
  const known = read.get(people) ?? {
    ids: new Set(people),
    addresses: new Set(people.flatMap((name) => loginKey(name) ?? [])),
  };
  read.set(people, known);
  return known;
}

/** The same of an account, which is read only where it matters. */
export async function isForAccount(
  parts: AllowedPeopleParts & { readonly users: Pick<Users, 'find'> },
  clientId: string,
  accountId: string,
): Promise<boolean> {
  const { allowed_users: people, allowed_roles: roles } = parts.clients.find(clientId)?.metadata ?? {};
  if (people === undefined && roles === undefined) return true;
  const user = await parts.users.find(accountId);
  return user !== undefined && isFor(parts, clientId, user);
}

/** Who came for something that the app is not to give them: the person, or the app with what it holds of theirs. */
type Asker = 'user' | 'client';

/** Tells of a refusal once a request, however often it is looked at. */
export function tellNotAllowed(clientId: string, accountId: string, kind: Asker): void {
  const unit = currentUnit();
  if (!unit || wasKeptOut(unit, clientId)) return;
  const actor = { kind, id: kind === 'user' ? accountId : clientId };
  const event = { type: 'access.denied', outcome: 'denied', reason: notAllowedReason } as const;
  unit.events.push({ ...event, actor, subject: accountId, client: clientId });
}

/** Whether this request has been told of as one that an app is not for. */
export const wasKeptOut = (
  {
    events,
  }: { readonly events: readonly { readonly reason?: string | undefined; readonly client?: string | undefined }[] },
  clientId: string | undefined,
): boolean => events.some(({ reason, client }) => reason === notAllowedReason && client === clientId);

/**
 * Puts the rule into the engine's policy: after the person has shown who they are, so that nobody learns from it whom an
 * app is for, and before they are asked for anything else.
 */
export function addAllowedPeople(
  policy: interactionPolicy.DefaultPolicy,
  parts: AllowedPeopleParts & { readonly users: Pick<Users, 'find'> },
): void {
  const ask = async ({ oidc: { client, session } }: KoaContextWithOIDC): Promise<boolean> => {
    const { accountId } = session ?? {};
    if (client === undefined || accountId === undefined) return false;
    if (await isForAccount(parts, client.clientId, accountId)) return false;
    tellNotAllowed(client.clientId, accountId, 'user');
    return true;
  };
  const words = 'the app is not for this person';
  const check = new interactionPolicy.Check(notAllowedReason, words, 'access_denied', ask);
  policy.add(new interactionPolicy.Prompt({ name: notAllowedReason }, check), 1);
}
