import { parse } from 'node:querystring';
import type { Context, Middleware } from 'koa';
import type Provider from 'oidc-provider';
import type { Client } from 'oidc-provider';
import type { Random } from '../../foundation/random.ts';
import type { Clients } from '../clients/module.ts';
import type { Settings } from '../settings/module.ts';
import type { Users } from '../users/module.ts';
import type { AssuranceRule } from './assurance.ts';
import type { SecretCheck } from './client-model.ts';
import { type Form, plainClient } from './plain-client.ts';
import { giveClientCredentials } from './plain-client-credentials.ts';
import { introspect } from './plain-introspection.ts';
import { exchangeCode, refreshTokens } from './plain-tokens.ts';
import { tellUserinfo } from './plain-userinfo.ts';
import { postedForm } from './read-form.ts';
import { routes } from './routes.ts';

export interface PlainParts extends SecretCheck, Pick<AssuranceRule, 'mfaPolicies'> {
  readonly clients: Clients;
  readonly users: Users;
  readonly settings: () => Settings;
  /** What the engine knows. */
  readonly scopes: ReadonlySet<string>;
  /** Names refresh tokens' successors; the same on every node. */
  readonly successorKey: Buffer;
  readonly random: Random;
}

/** What became of a request: the answer, and what the library would have left in its context for log and audit. */
export interface PlainAnswer {
  readonly body: object;
  readonly client: Client;
  readonly params: Form;
  readonly entities: object;
}

/** As clients send it, in the one character set that there is. */
const formType = /^application\/x-www-form-urlencoded(?:; ?charset=utf-8)?$/i;

type Serve = (ctx: Context) => Promise<PlainAnswer | undefined>;
type Answer = Pick<PlainAnswer, 'body' | 'entities'>;
type Work = (client: Client, params: Form) => Promise<Answer | undefined>;

/** Headers of callers whom the library treats in a way of its own: browsers of other origins, and proofs of possession. */
const unusualHeaders = ['origin', 'dpop', 'oauth-client-attestation', 'oauth-client-attestation-pop'] as const;

/** What most programs accept. */
const plainly: readonly (string | undefined)[] = [undefined, '*/*', 'application/json'];

/** Whether the answer is to be a signed one (RFC 9701 §4), of which the short way knows nothing. */
const wantsJwt = (ctx: Context): boolean =>
  !plainly.includes(ctx.headers.accept) && ctx.accepts('json', introspectionJwt) === introspectionJwt;

const introspectionJwt = 'application/token-introspection+jwt';

const isUnusual = (ctx: Context): boolean =>
  unusualHeaders.some((name) => ctx.headers[name] !== undefined) || wantsJwt(ctx);

/**
 * The shortest way for what services ask all day: introspection of an opaque access token, userinfo, tokens for a client
 * itself, for a code, and new ones for a refresh token. The library spends two thirds of their time on finding its way
 * there, so the way is gone here; what is looked up, checked and made comes from its models. Only what is certain to be answered with 200 is answered:
 * everything else, whatever is wrong or unusual about it, is left to the library as if nobody had looked. Both ways give
 * one answer: test/protocol/plain-requests.test.ts holds them side by side.
 */
export function plainRequests(provider: Provider, parts: PlainParts): Middleware {
  const authenticate = plainClient(provider, parts);
  const byForm =
    (work: Work): Serve =>
    async (ctx) => {
      const params = plainForm(ctx);
      const client = params && (await authenticate(ctx, params));
      const answer = client && (await work(client, params));
      return answer && { ...answer, client, params };
    };
  const ways: Readonly<Record<string, readonly [route: string, serve: Serve]>> = {
    [routes.introspection]: ['introspection', byForm(introspect(provider, parts))],
    [routes.token]: ['token', byForm(giveTokens(provider, parts))],
    [routes.userinfo]: ['userinfo', tellUserinfo(provider, parts)],
  };
  return async (ctx, next) => {
    const [route, serve] = ways[ctx.path] ?? [];
    if (!route || !serve || isUnusual(ctx)) return next();
    // Whatever fails here fails again in the library, which says so in the protocol's words.
    const answer = await serve(ctx).catch(() => undefined);
    return answer === undefined ? next() : give(ctx, route, answer);
  };
}

function giveTokens(provider: Provider, parts: PlainParts): Work {
  const byGrant: Readonly<Record<string, Work>> = {
    client_credentials: giveClientCredentials(provider, parts),
    refresh_token: refreshTokens(provider, parts),
    authorization_code: exchangeCode(provider, parts),
  };
  return async (client, form) => {
    const grantType = form['grant_type'] ?? '';
    return Object.hasOwn(byGrant, grantType) ? byGrant[grantType]?.(client, form) : undefined;
  };
}

/** The form, if every parameter stands once (RFC 6749 §3.2) and says something. */
function plainForm(ctx: Context): Form | undefined {
  const text = formType.test(ctx.headers['content-type'] ?? '') ? postedForm(ctx) : undefined;
  if (text === undefined) return undefined;
  const form = parse(text);
  for (const name in form) if (typeof form[name] !== 'string' || form[name] === '') return undefined;
  return form as Form;
}

/** With the library's headers for programs of any origin (shared/cors.js); scripts are kept away from introspection. */
function give(ctx: Context, route: string, { body, ...oidc }: PlainAnswer): void {
  const { res } = ctx;
  res.setHeader('Vary', 'Origin');
  if (ctx.path !== routes.introspection) {
    res.setHeader('Access-Control-Allow-Origin', '*');
    res.setHeader('Access-Control-Expose-Headers', 'DPoP-Nonce,WWW-Authenticate');
  }
  ctx.body = body;
  Object.assign(ctx, { oidc: { route, ...oidc } });
}
