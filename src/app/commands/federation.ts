import {
  callbackUrl,
  loggedOutUrl,
  type Provider,
  type ProviderFinding,
  type Providers,
} from '../../features/federation/module.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { table, writeResult } from './result.ts';

/** What the federation commands need. */
export interface FederationCommandApp {
  readonly config: { readonly issuer: string };
  readonly providers: Providers;
}

/** A provider as commands show it: never its secret. */
const asResource = ({ definition, preset, clientSecret, title }: Provider, issuer: string) => ({
  ...definition,
  title,
  has_secret: clientSecret !== undefined,
  redirect_uri: callbackUrl(issuer, definition.name),
  ...(preset.protocol === 'oidc' ? { post_logout_redirect_uri: loggedOutUrl(issuer, definition.name) } : {}),
});

/** `postern federation list` */
export async function federationList(io: CommandIo, { config, providers }: FederationCommandApp): Promise<ExitCode> {
  await providers.reload();
  const all = providers.all();
  const rows = all.map(({ name, definition }) => [
    name,
    definition.type,
    definition.disabled ? 'disabled' : 'enabled',
    callbackUrl(config.issuer, name),
  ]);
  const resources = all.map((provider) => asResource(provider, config.issuer));
  writeResult(io, resources, table([['NAME', 'TYPE', 'STATE', 'REDIRECT_URI'], ...rows]));
  return 0;
}

/** `postern federation show NAME`: what has to be registered at the provider, and what is known of it here. */
export async function federationShow(
  io: CommandIo,
  { config, providers }: FederationCommandApp,
  { name }: { readonly name: string },
): Promise<ExitCode> {
  await providers.reload();
  const resource = asResource(providers.mustFind(name), config.issuer);
  const lines = Object.entries(resource).map(
    ([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  writeResult(io, resource, lines.join('\n'));
  return 0;
}

/** How findings are marked at the beginning of their line. */
const marks: Readonly<Record<ProviderFinding['level'], string>> = { fine: 'ok   ', odd: 'note ', fails: 'FAIL ' };

/** `postern federation check NAME`: asks the provider what a sign-in would need. Fails when nobody could sign in. */
export async function federationCheck(
  io: CommandIo,
  app: FederationCommandApp & { readonly check: (provider: Provider) => Promise<readonly ProviderFinding[]> },
  { name }: { readonly name: string },
): Promise<ExitCode> {
  await app.providers.reload();
  const provider = app.providers.mustFind(name);
  const findings = await app.check(provider);
  const redirectUri = callbackUrl(app.config.issuer, name);
  const lines = findings.map(({ level, text }) => `${marks[level]}${text}`);
  const last = `note Register this redirect URI there, exactly: ${redirectUri}`;
  writeResult(io, { name, redirect_uri: redirectUri, findings }, [...lines, last].join('\n'));
  return findings.some(({ level }) => level === 'fails') ? 1 : 0;
}
