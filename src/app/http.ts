import { parse } from 'node:querystring';
import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import compose from 'koa-compose';
import type { Clients } from '../features/clients/module.ts';
import type { Federation } from '../features/federation/module.ts';
import {
  currentUnit,
  isProtocolPath,
  machineEndpoints,
  methodsOf,
  type Protocol,
  publicDocuments,
  routes,
} from '../features/protocol/module.ts';
import type { ClientCertificates } from '../foundation/certificates/client-certificates.ts';
import type { Clock } from '../foundation/clock.ts';
import { AppError } from '../foundation/errors.ts';
import { assertSameOrigin } from '../foundation/http/csrf.ts';
import { readBody } from '../foundation/http/read-body.ts';
import type { RequestContextReader } from '../foundation/http/request-context.ts';
import type { Ids } from '../foundation/ids.ts';
import type { Log } from '../foundation/observe/log.ts';
import type { Metrics } from '../foundation/observe/metrics.ts';
import type { Views } from '../foundation/views/render.ts';
import { answerErrors } from './answer-errors.ts';
import { applySecurityHeaders } from './apply-security-headers.ts';
import { leaveProviders } from './leave-providers.ts';
import { observeRequests } from './observe-requests.ts';
import { inOwnContext } from './own-context.ts';
import { RequestState } from './request-state.ts';
import { serveAssets } from './serve-assets.ts';

export interface HttpParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly views: Views;
  readonly clients: Clients;
  readonly protocol: Protocol;
  readonly readContext: RequestContextReader;
  readonly certificates: ClientCertificates;
  /** Where clients show certificates, if that is not the issuer. */
  readonly mtlsUrl: string | undefined;
  readonly signOutThere: Federation['signOutThere'];
  /** Adds every feature's pages. */
  readonly mountPages: (router: Router) => void;
}

/** The largest form that a page of ours takes, in bytes. */
const formLimit = 56 * 1024;

/** The public port's Koa app: what every request passes, then the shortest way to who answers it. */
export function createHttpApp(parts: HttpParts): Koa {
  const app = new Koa();
  // Scheme and host come from the issuer, written into these headers by `pinIssuer`; strangers' are overwritten.
  app.proxy = true;
  app.silent = true;
  app.keys = parts.protocol.cookieSigner as Koa['keys'];
  app.on('error', (error: unknown, ctx?: Context) =>
    parts.log.error({ err: error, request_id: ctx?.state['requestId'] }, 'request failed'),
  );
  const chain = [
    openRequest(parts),
    observeRequests(parts),
    applySecurityHeaders(parts.issuer),
    answerErrors(parts),
    dispatch(parts),
  ];
  app.use(inOwnContext(app, compose(chain)));
  return app;
}

/** Gives the request its id, its origin and its language, and pins host and scheme to the issuer. */
function openRequest({ issuer, ids, views, readContext, certificates, mtlsUrl = issuer }: HttpParts): Middleware {
  const own = new URL(issuer);
  const alias = new URL(mtlsUrl);
  return (ctx, next) => {
    certificates.receive(ctx.req);
    const { host, protocol } = provesElsewhere(ctx, certificates) ? alias : own;
    const facts = readContext(ctx.req, ids.next());
    const { headers } = ctx.req;
    // A Host or X-Forwarded-* header must never change a URL, a mail or a cached document (cache poisoning).
    headers.host = host;
    headers['x-forwarded-host'] = host;
    headers['x-forwarded-proto'] = protocol.slice(0, -1);
    delete headers['x-forwarded-for'];
    ctx.state = new RequestState(facts, kindOf(ctx.path), {
      views,
      address: ctx.req.url ?? '',
      headers,
    }) as unknown as Context['state'];
    ctx.res.setHeader('X-Request-Id', facts.requestId);
    return next();
  };
}

/** Where a proof of possession is for this very address (RFC 9449 §4.3); their answers name none of ours. */
const provingPaths: ReadonlySet<string> = new Set([routes.token, routes.userinfo, routes.pushed_authorization_request]);

/** Whether a client proves a key at the address that asks for certificates, and means that one. */
const provesElsewhere = ({ req, path }: Context, certificates: ClientCertificates): boolean =>
  provingPaths.has(path) && certificates.isAsked(req);

function kindOf(path: string) {
  if (publicDocuments.has(path)) return 'document';
  if (machineEndpoints.has(path) || path.startsWith('/api/')) return 'machine';
  if (path.startsWith('/assets/')) return 'asset';
  if (path === routes.end_session || path.startsWith(`${routes.end_session}/`)) return 'logout';
  return isProtocolPath(path) || /^\/(interaction|federation)\//.test(path) ? 'interaction' : 'page';
}

function dispatch(parts: HttpParts): Middleware {
  const { protocol, certificates } = parts;
  const assets = serveAssets(parts.views);
  const machines = compose([protocol.unit, protocol.serve]);
  const pages = pageChain(parts);
  return (ctx, next) => {
    const { path } = ctx;
    // People are not to be asked for certificates, nor their cookies to be sent to where programs are.
    if (certificates.isAtPort(ctx.req) && !machineEndpoints.has(path)) {
      throw new AppError('not_found', 404, 'There is no page at this address.');
    }
    refuseWrongMethod(ctx);
    if (machineEndpoints.has(path)) return machines(ctx, next);
    if (path.startsWith('/assets/')) return assets(ctx, next);
    return publicDocuments.has(path) ? protocol.serve(ctx, next) : pages(ctx, next);
  };
}

/** Before the library sees it: to its router `GET /device/authorize` is a page with an id. `Allow` as RFC 9110 §15.5.6. */
function refuseWrongMethod(ctx: Context): void {
  const allowed = methodsOf(ctx.path);
  if (!allowed || ctx.method === 'OPTIONS' || allowed.includes(ctx.method)) return;
  ctx.set('Allow', allowed.join(', '));
  throw new AppError('wrong_method', 405, 'This address takes another method.');
}

function pageChain({ issuer, protocol, mountPages, signOutThere }: HttpParts): Middleware {
  const router = new Router();
  mountPages(router);
  const serveProtocol: Middleware = (ctx, next) => (isProtocolPath(ctx.path) ? protocol.serve(ctx, next) : next());
  return compose([
    protocol.unit,
    refuseForeignPosts(issuer),
    readForms,
    prefillUserCode,
    leaveProviders(issuer, signOutThere),
    serveProtocol,
    router.routes() as unknown as Middleware,
    router.allowedMethods() as unknown as Middleware,
  ]);
}

/** Every form is ours and posts from our own page, except what relying apps and other providers may send by POST. */
function refuseForeignPosts(issuer: string): Middleware {
  const open: ReadonlySet<string> = new Set([routes.authorization, routes.end_session]);
  // Some providers answer by a form that their own page posts, guarded by the cookie of the attempt; and their servers
  // tell of sign-outs by a token that they have signed.
  const isOpen = (path: string): boolean =>
    open.has(path) || /^\/federation\/[^/]+\/(callback|backchannel-logout)$/.test(path);
  return (ctx, next) => {
    if (ctx.method === 'GET' || ctx.method === 'HEAD' || isOpen(ctx.path)) return next();
    try {
      assertSameOrigin(ctx.headers, issuer);
    } catch (error) {
      const actor = { kind: 'anonymous' } as const;
      currentUnit()?.events.push({ type: 'access.denied', outcome: 'denied', reason: 'csrf_refused', actor });
      throw error;
    }
    return next();
  };
}

/** Reads our own forms; the library reads its own. */
const readForms: Middleware = async (ctx, next) => {
  const libraryReads = isProtocolPath(ctx.path) && ctx.path !== routes.authorization && ctx.path !== routes.end_session;
  if (ctx.method === 'POST' && !libraryReads && ctx.is('application/x-www-form-urlencoded')) {
    const body = await readBody(ctx.req, formLimit);
    if (body === undefined) throw new AppError('bad_request', 413, 'This form is too large.');
    const rawBody = body.toString();
    Object.assign(ctx.request, { rawBody, body: parse(rawBody) });
  }
  return next();
};

/**
 * `verification_uri_complete` carries the user code (RFC 8628 §3.3.1). The library would send it on by script at once;
 * the person shall see it and press the button, because the link may have come from somebody else (§5.4).
 */
const prefillUserCode: Middleware = (ctx, next) => {
  if (ctx.path === routes.code_verification && ctx.method === 'GET' && typeof ctx.query['user_code'] === 'string') {
    ctx.state['userCode'] = ctx.query['user_code'].slice(0, 32);
    ctx.querystring = '';
  }
  return next();
};
