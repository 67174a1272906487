import { parse } from 'node:querystring';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { Middleware } from 'koa';
import type Provider from 'oidc-provider';
import type { Client, Configuration } from 'oidc-provider';
import { z } from 'zod';
import type { Clock } from '../../foundation/clock.ts';
import { isPublicKey } from '../clients/module.ts';
import { postedForm } from './read-form.ts';

export interface ClientKeysParts {
  readonly clock: Clock;
  /** Guarded and limited in time. */
  readonly fetch: NonNullable<Configuration['fetch']>;
  /** A client's keys could not be read; what was known of them may go on for a while. */
  readonly onKeysUnread: (clientId: string, error: unknown) => void;
}

/** What is known of the keys at an address. Times in milliseconds since the epoch. */
interface Held {
  keys: readonly Key[];
  readAt: number;
  triedAt: number;
  reading?: Promise<void> | undefined;
}

type Key = Readonly<Record<string, unknown>> & { readonly kid?: unknown; readonly x5c?: unknown };

/** The key that somebody has used: by its name, or by the certificate that it came in, as `x5c` has it (RFC 7517 §4.7). */
export interface UsedKey {
  readonly kid?: string | undefined;
  readonly certificate?: string;
}

/** Brings the keys of a client that publishes them (`jwks_uri`) up to date, for one that was used. */
export type RefreshClientKeys = (client: Client, used: UsedKey) => Promise<void>;

/** A key that was taken away is believed for this long. */
const freshMs = 5 * 60_000;
/** Without a `kid` nobody can tell that a key is new: such sets are read more often. */
const freshWithoutKidMs = 60_000;
/** A client that cannot be reached keeps its keys for this long. */
const staleMs = 60 * 60_000;
/** Strangers who invent key ids make us ask no more often than this. */
const betweenMs = 10_000;

const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) });
/** RFC 7517 §5: key types that are not understood are passed over. */
const keyTypes: ReadonlySet<string> = new Set(['EC', 'RSA', 'OKP']);

/**
 * The keys of clients that publish them. The library reads a set again only when no key of it fits and its `max-age` is
 * over: a key that its owner took away because it was stolen would be good for as long as the former answer said, or
 * forever. Here a set is never older than five minutes, and a new key counts at once (OpenID Connect Core §10.1.1).
 */
export function createClientKeys(parts: ClientKeysParts): RefreshClientKeys {
  const known = new Map<string, Held>();
  const given = new WeakMap<Client, readonly Key[]>();
  return async (client, used) => {
    const { jwksUri } = client;
    if (jwksUri === undefined) return;
    const held = known.get(jwksUri) ?? { keys: [], readAt: -Infinity, triedAt: -Infinity };
    known.set(jwksUri, held);
    if (isDue(held, used, parts.clock.now())) held.reading ??= read(parts, { client, uri: jwksUri, held });
    await held.reading;
    if (given.get(client) === held.keys) return;
    give(client, held.keys);
    given.set(client, held.keys);
  };
}

function isDue(held: Held, { kid, certificate }: UsedKey, now: number): boolean {
  if (now - held.triedAt < betweenMs) return false;
  if (kid === undefined && certificate === undefined) return now - held.readAt >= freshWithoutKidMs;
  const isUsed = (key: Key) => (kid === undefined ? [key.x5c].flat()[0] === certificate : key.kid === kid);
  return now - held.readAt >= freshMs || !held.keys.some(isUsed);
}

async function read(parts: ClientKeysParts, of: { client: Client; uri: string; held: Held }): Promise<void> {
  const { held } = of;
  held.triedAt = parts.clock.now();
  try {
    held.keys = await fetchKeys(parts.fetch, of.uri);
    held.readAt = held.triedAt;
  } catch (error) {
    if (held.triedAt - held.readAt >= staleMs) held.keys = [];
    parts.onKeysUnread(of.client.clientId, error);
  } finally {
    held.reading = undefined;
  }
}

async function fetchKeys(fetch: ClientKeysParts['fetch'], uri: string): Promise<readonly Key[]> {
  const response = await fetch(uri, { headers: { accept: 'application/jwk-set+json, application/json' } });
  if (response.status !== 200) throw new Error(`answered with ${response.status}`);
  const { keys } = keySet.parse(await response.json());
  // Whoever publishes the private half has no key any more: anybody may sign with it.
  if (!keys.every(isPublicKey)) throw new Error('publishes a private key');
  return keys.filter(({ kty }) => keyTypes.has(kty));
}

interface KeyStore {
  clear(): void;
  add(key: Key): void;
  fresh(): boolean;
  refresh(): Promise<void>;
}

const storeOf = (client: Client) => (client as unknown as { asymmetricKeyStore: KeyStore }).asymmetricKeyStore;

/**
 * Has the keys that a client publishes read here, where the library would read them itself: before it encrypts to one.
 * What is encrypted to a key that was taken away five minutes ago could be read by a thief.
 */
export function readOwnKeys(client: Client, refresh: RefreshClientKeys): void {
  if (client.jwksUri === undefined) return;
  const store = storeOf(client);
  // Says that nothing is to be read when a signature does not fit: what stands before the check has read already.
  store.fresh = () => true;
  store.refresh = () => refresh(client, {});
}

function give(client: Client, keys: readonly Key[]): void {
  const store = storeOf(client);
  store.clear();
  for (const key of keys) store.add({ ...key });
}

/** Brings the keys up to date before the library checks a client's assertion (RFC 7523 §3). */
export function refreshAsserted(provider: Provider, refresh: RefreshClientKeys): Middleware {
  return async (ctx, next) => {
    const form = postedForm(ctx);
    if (form?.includes('client_assertion=')) {
      const asserted = readAssertion(parse(form)['client_assertion']);
      const client = asserted && (await provider.Client.find(asserted.clientId));
      if (client) await refresh(client, { kid: asserted.kid });
    }
    return next();
  };
}

/** Who an assertion says it is of, and by which key; nothing of it is certain yet. */
function readAssertion(assertion: unknown): { clientId: string; kid: string | undefined } | undefined {
  if (typeof assertion !== 'string') return undefined;
  try {
    const { iss } = decodeJwt(assertion);
    const { kid } = decodeProtectedHeader(assertion);
    return typeof iss === 'string' ? { clientId: iss, kid } : undefined;
  } catch {
    // Not a JWT: the library says so.
    return undefined;
  }
}
