import type { Clients } from '../clients/module.ts';
import type { Interaction } from '../protocol/module.ts';
import type { Provider } from './provider.ts';
import type { Providers } from './providers.ts';

/** Which providers people may use, and which one they are sent to at once. */
export interface Offered {
  /** Those that an app's people may use. */
  of(clientId: string): readonly Provider[];
  /** The one to which an interaction leads at once: the app names it, or knows no other, or the address has its home there. */
  straight(interaction: Pick<Interaction, 'clientId' | 'wishes' | 'loginHint'>): Provider | undefined;
  /** The provider that is home to an address (home-realm discovery). */
  homeOf(clientId: string, login: string): Provider | undefined;
}

export function createOffered({
  clients,
  providers,
}: {
  clients: Pick<Clients, 'find'>;
  providers: Pick<Providers, 'usable'>;
}): Offered {
  const listOf = (clientId: string) => clients.find(clientId)?.metadata.identity_providers;
  const of = (clientId: string): readonly Provider[] => {
    const listed = listOf(clientId);
    return providers.usable().filter(({ name }) => listed === undefined || listed.includes(name));
  };
  const homeOf = (clientId: string, login: string): Provider | undefined => {
    const domain = login
      .slice(login.lastIndexOf('@') + 1)
      .trim()
      .toLowerCase();
    return login.includes('@')
      ? of(clientId).find(({ definition }) => definition.domains?.includes(domain))
      : undefined;
  };
  return {
    of,
    homeOf,
    straight({ clientId, wishes, loginHint }) {
      const offered = of(clientId);
      const hinted = offered.find(({ name }) => name === wishes.idpHint);
      const only = listOf(clientId) !== undefined && offered.length === 1 ? offered[0] : undefined;
      return hinted ?? only ?? (loginHint === undefined ? undefined : homeOf(clientId, loginHint));
    },
  };
}
