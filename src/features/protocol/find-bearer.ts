import type Provider from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import type { Clients } from '../clients/module.ts';
import type { Users } from '../users/module.ts';
import { isFor } from './allowed-people.ts';
import { livingToken } from './living-token.ts';

/** Whom an access token stands for, and what it may be used for at this server. */
export interface Bearer {
  readonly userId: string;
  readonly clientId: string;
  readonly scopes: ReadonlySet<string>;
}

/** Finds out who presents an opaque access token. Undefined unless the token, its grant, sign-in, app and person stand. */
export type FindBearer = (token: string) => Promise<Bearer | undefined>;

const words = (text: string | undefined): Set<string> => new Set(text?.split(' ').filter(Boolean));

export function createFindBearer({
  provider,
  users,
  clients,
  clock,
}: {
  readonly provider: () => Provider;
  readonly users: Pick<Users, 'find'>;
  readonly clients: Pick<Clients, 'find'>;
  readonly clock: Clock;
}): FindBearer {
  return async (value) => {
    const engine = provider();
    const found = await livingToken(engine, value, clock);
    // A token that was issued for an API is that API's (RFC 8707 §2).
    if (!found?.grant || found.token.aud !== undefined) return undefined;
    const { clientId = '', accountId = '', scope } = found.token;
    const [client, user] = await Promise.all([engine.Client.find(clientId), users.find(accountId)]);
    if (!client || !user || user.disabledAt !== undefined || !isFor({ clients }, clientId, user)) return undefined;
    // What the person has allowed, and the operator still does.
    const allowed = words(new engine.Grant(found.grant as object).getOIDCScopeFiltered(words(scope)));
    const scopes = [...allowed].filter((name) => words(client.scope).has(name));
    return { userId: user.id, clientId, scopes: new Set(scopes) };
  };
}
