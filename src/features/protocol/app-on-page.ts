import type { AppOnPage, BackTo } from '../../foundation/views/pages.ts';
import type { Clients } from '../clients/module.ts';
import { houseClientId } from './routes.ts';

/** What pages show of the client that sent the person: undefined for our own pages and for unknown clients. */
export function appOnPage(clients: Clients, clientId: unknown): AppOnPage | undefined {
  const metadata = typeof clientId === 'string' ? clients.find(clientId)?.metadata : undefined;
  if (!metadata) return undefined;
  const { client_name: name, client_uri: uri, policy_uri: policyHref, tos_uri: termsHref } = metadata;
  const host = hostOf(uri ?? metadata.redirect_uris?.[0]);
  return { name: name ?? host ?? String(clientId), host, policyHref, termsHref };
}

/**
 * Where a person is sent to start again: the app's own page, never a redirect URI, which would meet an answer that it
 * did not ask for. Our own pages lead home.
 */
export function backToApp(clients: Clients, clientId: unknown, issuer: string): BackTo | undefined {
  if (clientId === houseClientId) return { name: new URL(issuer).host, href: '/' };
  const app = appOnPage(clients, clientId);
  const metadata = typeof clientId === 'string' ? clients.find(clientId)?.metadata : undefined;
  const href = metadata?.initiate_login_uri ?? metadata?.client_uri ?? originOf(metadata?.redirect_uris?.[0]);
  return app && href ? { name: app.name, href } : undefined;
}

const hostOf = (url: string | undefined): string | undefined => {
  const parsed = url === undefined ? null : URL.parse(url);
  return parsed?.host ? parsed.host : undefined;
};

function originOf(url: string | undefined): string | undefined {
  const parsed = url === undefined ? null : URL.parse(url);
  return parsed && /^https?:$/.test(parsed.protocol) ? `${parsed.origin}/` : undefined;
}
