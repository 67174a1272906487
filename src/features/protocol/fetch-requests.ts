import { createHash } from 'node:crypto';
import type { Middleware } from 'koa';
import type Provider from 'oidc-provider';
import type { Configuration } from 'oidc-provider';
import type { Clients } from '../clients/module.ts';
import { routes } from './routes.ts';

export interface RequestUriParts {
  readonly clients: Clients;
  readonly readRequest: ReadRequest;
  /** A client's request object could not be used. */
  readonly onRequestUnread: (clientId: string, error: unknown) => void;
}

/** Reads the request object at an address. Throws what is wrong with it. */
export type ReadRequest = (uri: string) => Promise<string>;

type Fetch = NonNullable<Configuration['fetch']>;

const pushed = 'urn:ietf:params:oauth:request_uri:';
/** The request that nobody has pushed: the library says what it says of others, and where. */
const nothing = `${pushed}none`;

/** As what the library takes as a form. */
const longestObject = 56 * 1024;
const timeLimitMs = 3000;
/** RFC 9101 §5.2.3, and the plain type of JWTs for servers that know no other. */
const contentType = /^application\/(?:oauth-authz-req\+jwt|jwt)\s*(?:;|$)/i;
/** Request objects whose address says what they are are kept; so many. */
const keptObjects = 100;

/**
 * Requests by reference (`request_uri`, RFC 9101 §5.2.2), which the library does not have: what is there is fetched and
 * handed on as if it had come by value. Only addresses that the operator has registered for the client are asked
 * (OpenID Connect Core §6.2): otherwise anybody could send us anywhere (SSRF, §12.7 of RFC 9101), or to a large file.
 */
export function fetchRequests(provider: Provider, parts: RequestUriParts): Middleware {
  return async (ctx, next) => {
    const { client_id: clientId, request_uri: uri, request } = ctx.query;
    const isReference = typeof uri === 'string' && !uri.startsWith(pushed) && request === undefined;
    if (ctx.path !== routes.authorization || !isReference || typeof clientId !== 'string') return next();
    const registered = parts.clients.find(clientId)?.metadata.request_uris;
    // Clients without any are told that there is no such thing, unknown and disabled ones that they are.
    if (registered === undefined || (await provider.Client.find(clientId)) === undefined) return next();
    const query = new URLSearchParams(ctx.querystring);
    try {
      if (!isAmong(registered, uri)) throw new Error('is not among the request_uris of the client');
      query.set('request', await parts.readRequest(uri));
      query.delete('request_uri');
    } catch (error) {
      parts.onRequestUnread(clientId, error);
      query.set('request_uri', nothing);
    }
    const { url } = ctx;
    ctx.querystring = query.toString();
    try {
      return await next();
    } finally {
      ctx.url = url;
    }
  };
}

const bare = (uri: string): string => uri.replace(/#.*$/, '');

/** A fragment says which version is meant; one that was registered is the only one. */
const isAmong = (registered: readonly string[], uri: string): boolean =>
  registered.includes(uri) || registered.includes(bare(uri));

/**
 * Fetches request objects: many who ask for one at once cause one request.
 *
 * @param fetch guarded and limited in time
 */
export function createReadRequest(fetch: Fetch): ReadRequest {
  const under = new Map<string, Promise<string>>();
  const kept = new Map<string, string>();
  return async (uri) => {
    const known = kept.get(uri);
    if (known !== undefined) return known;
    const running = under.get(uri) ?? read(fetch, uri).finally(() => under.delete(uri));
    under.set(uri, running);
    const object = await running;
    if (uri.includes('#')) keep(kept, uri, object);
    return object;
  };
}

function keep(kept: Map<string, string>, uri: string, object: string): void {
  kept.set(uri, object);
  for (const oldest of kept.keys()) {
    if (kept.size <= keptObjects) return;
    kept.delete(oldest);
  }
}

async function read(fetch: Fetch, uri: string): Promise<string> {
  const response = await fetch(bare(uri), {
    headers: { accept: 'application/oauth-authz-req+jwt, application/jwt' },
    signal: AbortSignal.timeout(timeLimitMs),
  });
  if (response.status !== 200) throw new Error(`answered with ${response.status}`);
  const type = response.headers.get('content-type') ?? '';
  if (!contentType.test(type)) throw new Error(`answered with the content type ${type}`);
  const body = Buffer.from(await response.arrayBuffer());
  if (body.length > longestObject) throw new Error(`is larger than ${longestObject} bytes`);
  const said = uri.slice(bare(uri).length + 1);
  // OpenID Connect Core §6.2: the fragment is the SHA-256 of what is there.
  if (said !== '' && createHash('sha256').update(body).digest('base64url') !== said) {
    throw new Error('is not what the fragment of its address says');
  }
  return body.toString('utf8').trim();
}
