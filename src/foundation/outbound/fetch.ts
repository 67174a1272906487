import { lookup as systemLookup } from 'node:dns';
import { readFileSync } from 'node:fs';
import { isIP, type LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import type { buildConnector } from 'undici';
import type { Config } from '../config/schema.ts';
import { AppError } from '../errors.ts';
import { type AllowedAddress, createAllowedAddress } from './allowed-address.ts';
import { outboundFailed, outboundRefused, outboundTimeout } from './errors.ts';

export interface GuardOptions {
  /** Networks (CIDR) that may be called besides public addresses. */
  readonly allow: readonly string[];
  /** Certificates in PEM form to trust besides the public roots. */
  readonly ca?: string | undefined;
  /** For everything: name, connection, headers and body. 5,000 ms. */
  readonly timeoutMs?: number;
  /** The largest body that is read. 1 MiB. */
  readonly maxBytes?: number;
  /** How names are resolved; the system's resolver unless a test says otherwise. */
  readonly lookup?: LookupFunction;
}

export interface GuardedInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Gives up earlier than the time limit. */
  readonly signal?: AbortSignal | undefined;
}

export interface GuardedResponse {
  readonly status: number;
  /** By lower-case name; of a repeated header all values, joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Calls a URL that somebody else named. Throws `outbound_refused`, `outbound_failed`, `outbound_timeout`. */
export type GuardedFetch = (url: string | URL, init?: GuardedInit) => Promise<GuardedResponse>;

/**
 * A fetch that reaches only allowed addresses. Each connection is checked at the address that it is made to, so a name
 * that resolves to one address for a check and to another for the call (DNS rebinding) gains nothing. Redirects are
 * answers like any other: none is followed. Bodies are not decompressed, so none can swell.
 */
export function guardedFetch(options: GuardOptions): GuardedFetch {
  const { timeoutMs = 5000, maxBytes = 1024 * 1024 } = options;
  const connection = { ...options, timeoutMs };
  let opened: ReturnType<typeof openDispatcher> | undefined;
  return async (target, init = {}) => {
    const url = checkedUrl(target);
    const limit = AbortSignal.timeout(timeoutMs);
    const signal = init.signal ? AbortSignal.any([limit, init.signal]) : limit;
    try {
      opened ??= openDispatcher(connection);
      const { request, dispatcher } = await opened;
      const response = await request(url, {
        dispatcher,
        method: (init.method ?? 'GET') as 'GET',
        headers: { 'user-agent': 'Postern', ...init.headers, 'accept-encoding': 'identity' },
        body: init.body ?? null,
        signal,
      });
      const body = await readBody(response.body, maxBytes);
      return { status: response.statusCode, headers: flatten(response.headers), body };
    } catch (error) {
      throw translate(error, url, signal);
    }
  };
}

/** Loaded with the first call: most servers make none, and it takes a tenth of a start. */
async function openDispatcher(options: GuardOptions & { readonly timeoutMs: number }) {
  const { Agent, buildConnector, request } = await import('undici');
  const connect = guardedConnector(options, buildConnector);
  return { request, dispatcher: new Agent({ connect, connections: 16, keepAliveTimeout: 4000 }) };
}

function checkedUrl(target: string | URL): URL {
  const url = typeof target === 'string' ? URL.parse(target) : target;
  if (url === null) throw outboundRefused('not a URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw outboundRefused(`${url.protocol} is not http`);
  if (url.username !== '' || url.password !== '') throw outboundRefused(`credentials in a URL of ${url.host}`);
  return url;
}

function guardedConnector(
  { allow, ca, lookup, timeoutMs }: GuardOptions & { readonly timeoutMs: number },
  build: typeof buildConnector,
): buildConnector.connector {
  const isAllowed = createAllowedAddress(allow);
  const connect = build({
    timeout: timeoutMs,
    lookup: guardedLookup(isAllowed, lookup ?? (systemLookup as LookupFunction)),
    ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
  });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    // A literal address is never looked up, so the check of look-ups would not see it.
    if (isIP(host) !== 0 && !isAllowed(host)) callback(outboundRefused(`${host} is not an allowed address`), null);
    else connect(options, callback);
  };
}

/** Leaves only allowed addresses to the connection, and refuses a name that has none. */
function guardedLookup(isAllowed: AllowedAddress, lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '');
      const addresses = typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
      const [first, ...rest] = addresses.filter(({ address }) => isAllowed(address));
      if (first === undefined) return callback(outboundRefused(`${hostname} has no allowed address`), '');
      if (options.all) callback(null, [first, ...rest]);
      else callback(null, first.address, first.family);
    });
  };
}

async function readBody(stream: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop destroys the stream, and with it the connection.
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBytes) throw outboundFailed(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const flatten = (headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value ?? []].flat().join(', ')]));

/** Operators read the host and the reason; path and query stay out, because such URLs may hold a secret. */
function translate(error: unknown, url: URL, signal: AbortSignal): AppError {
  const inner = error instanceof AppError ? error : (error as Error).cause;
  if (inner instanceof AppError) return inner;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (signal.aborted || /TIMEOUT/i.test(code)) return outboundTimeout(`${url.host} did not answer in time`);
  return outboundFailed(`${url.host}: ${code || 'failed'}`, new Error((error as Error).message));
}

/** Answers with these statuses have no body, and `Response` refuses to be given one. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

/** The guard in the shape of `fetch`, for libraries. Any dispatcher, agent or redirect mode that they pass is ignored. */
export type FetchLike = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** What libraries call outbound with, as configured: allowed networks, extra certificates. Reads `outbound.ca` once. */
export function createOutboundFetch({ outbound }: Pick<Config, 'outbound'>): FetchLike {
  const ca = outbound.ca === undefined ? undefined : readFileSync(outbound.ca, 'utf8');
  return asFetch(guardedFetch({ allow: outbound.allow, ca }));
}

/** Wraps a guarded fetch. */
export function asFetch(fetch: GuardedFetch): FetchLike {
  return async (input, init = {}) => {
    const { method, headers, body, signal } = init;
    const sent = new Request(input instanceof Request ? input : checkedUrl(input), {
      ...(method === undefined ? {} : { method }),
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
    });
    const answer = await fetch(sent.url, {
      method: sent.method,
      headers: Object.fromEntries(sent.headers),
      ...(sent.body === null ? {} : { body: Buffer.from(await sent.arrayBuffer()) }),
      signal: signal ?? undefined,
    });
    const content = bodiless.has(answer.status) ? null : new Uint8Array(answer.body);
    return new Response(content, { status: answer.status, headers: answer.headers });
  };
}
