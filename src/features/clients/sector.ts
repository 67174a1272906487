import { z } from 'zod';
import type { FetchLike } from '../../foundation/outbound/fetch.ts';
import { clientRefused } from './errors.ts';
import type { ClientMetadata } from './schema.ts';

/** What decides whose subjects a client gets, as far as somebody asks for it. */
interface Asked {
  readonly subject_type?: 'public' | 'pairwise' | undefined;
  readonly sector_identifier_uri?: string | undefined;
  readonly redirect_uris: readonly string[];
  readonly grant_types: readonly string[];
  readonly jwks_uri?: string | undefined;
  readonly token_endpoint_auth_method: string;
}

type Problem = readonly [
  field: 'sector_identifier_uri' | 'subject_type' | 'jwks_uri' | 'token_endpoint_auth_method',
  message: string,
];

/** Grants by which a client gets tokens of people who never come to an address of its own. */
const elsewhere = ['urn:ietf:params:oauth:grant-type:device_code', 'urn:openid:params:grant-type:ciba'];
const byDevice = (client: Pick<Asked, 'grant_types'>): boolean =>
  client.grant_types.some((grant) => elsewhere.includes(grant));

/** What of a client belongs to its sector (OpenID Connect Core §8.1, CIBA §4): only who has these gets its subjects. */
const memberUris = (client: Pick<Asked, 'redirect_uris' | 'grant_types' | 'jwks_uri'>): string[] => [
  ...client.redirect_uris,
  ...(byDevice(client) && client.jwks_uri !== undefined ? [client.jwks_uri] : []),
];

/** What does not go together with pairwise subjects. */
export function sectorProblems(client: Asked): Problem[] {
  const { subject_type: type, sector_identifier_uri: sector, redirect_uris: uris } = client;
  if (type !== 'pairwise') {
    return sector === undefined ? [] : [['sector_identifier_uri', 'needs subject_type pairwise']];
  }
  const problems: Problem[] = [];
  const hosts = new Set(memberUris(client).map((uri) => URL.parse(uri)?.host ?? ''));
  if (uris.length === 0 && !byDevice(client)) {
    problems.push(['subject_type', 'pairwise needs redirect_uris: they tell the sector']);
  } else if (sector === undefined && (hosts.size > 1 || hosts.has(''))) {
    // An app's own scheme has no host: all such apps would be one sector.
    problems.push(['sector_identifier_uri', 'is needed, as the redirect URIs are not of one host']);
  }
  // What a device shows is for nobody in particular: its keys say whose it is.
  if (byDevice(client) && client.jwks_uri === undefined) {
    problems.push(['jwks_uri', 'is needed for pairwise subjects of devices']);
  }
  if (byDevice(client) && !keyMethods.includes(client.token_endpoint_auth_method)) {
    problems.push(['token_endpoint_auth_method', 'must prove a key for pairwise subjects of devices']);
  }
  return problems;
}

const keyMethods = ['private_key_jwt', 'self_signed_tls_client_auth'];
const timeLimitMs = 5000;
const document = z.array(z.string());

/** The fields upon whose change the sector is looked at again. */
const deciding = ['sector_identifier_uri', 'redirect_uris', 'grant_types', 'jwks_uri'];

/**
 * Looks whether a client belongs to the sector that it names: the document there has to list its redirect URIs (OpenID
 * Connect Registration §5). Otherwise an app could name another one's sector, and compare its people with that one's.
 * Throws `client_refused`.
 */
export const createCheckSector =
  (fetch: FetchLike) =>
  async (client: ClientMetadata, changed: readonly string[] = deciding): Promise<void> => {
    const { sector_identifier_uri: uri } = client;
    if (uri === undefined || !deciding.some((field) => changed.includes(field))) return;
    const listed = await read(fetch, uri).catch((error: unknown) => {
      const message = `cannot be read as a list of redirect URIs: ${(error as Error).message}`;
      throw clientRefused({ sector_identifier_uri: message });
    });
    const missing = memberUris(client).filter((member) => !listed.includes(member));
    if (missing.length > 0) throw clientRefused({ sector_identifier_uri: `does not list ${missing.join(', ')}` });
  };

async function read(fetch: FetchLike, uri: string): Promise<readonly string[]> {
  const response = await fetch(uri, {
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(timeLimitMs),
  });
  if (response.status !== 200) throw new Error(`it answers with ${response.status}`);
  const read = document.safeParse(await response.json());
  if (!read.success) throw new Error('it is no list of texts');
  return read.data;
}
