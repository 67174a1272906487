import type { Middleware } from 'koa';
import compose from 'koa-compose';
import Provider, { type Configuration } from 'oidc-provider';
import type { Random } from '../../foundation/random.ts';
import { completeAnswers, paceQuestions } from './ciba.ts';
import { refreshAsserted } from './client-keys.ts';
import { type AdaptedClients, adaptClientModel, type ClientHooks } from './client-model.ts';
import { completeDocuments } from './complete-documents.ts';
import { conform } from './conform.ts';
import { refuseScripts } from './cors.ts';
import { cacheDocuments } from './document-cache.ts';
import { fetchRequests, type RequestUriParts } from './fetch-requests.ts';
import { refreshCertificates, tellMutualTls } from './mutual-tls.ts';
import { type EngineParts, engineOptions } from './options.ts';
import { plainRequests } from './plain-requests.ts';
import { handFormOn } from './read-form.ts';
import { once, pushOnce } from './replay-once.ts';
import { adaptSessionModel } from './session-model.ts';
import { nameTokens } from './token-ids.ts';

export interface EngineOptions extends EngineParts, ClientHooks, RequestUriParts {
  readonly random: Random;
  /** Names refresh tokens' successors; the same on every node. */
  readonly successorKey: Buffer;
  /** Names what a client has in a session; the same on every node. */
  readonly sessionKey: Buffer;
  /** How the library reaches the outside: guarded and limited in time. */
  readonly fetch: NonNullable<Configuration['fetch']>;
  /** Told of errors that became a 5xx: for the log, never for the answer. */
  readonly onServerError: (requestId: string, error: Error) => void;
}

/** One instance of the library with our hooks. Keys and settings are fixed in it: a change builds another one. */
export interface Engine {
  readonly provider: Provider;
  readonly adapted: AdaptedClients;
  /** Answers protocol paths. */
  readonly serve: Middleware;
}

/** Builds an engine from the configuration, keys and settings as they are now. */
export function buildEngine(options: EngineOptions): Engine {
  const provider = new Provider(options.issuer, { ...engineOptions(options), fetch: options.fetch });
  // The scheme comes from the issuer, which the first middleware writes into the forwarded headers.
  provider.proxy = true;
  nameTokens(provider, options.successorKey, options.clock);
  adaptSessionModel(provider, options.sessionKey);
  once(provider, options.clock);
  pushOnce(provider, options.clock);
  conform(provider);
  const pace = paceQuestions(options.clock);
  const adapted = adaptClientModel(provider, options);
  provider.on('server_error', (ctx, error) => {
    ctx.state['serverError'] = error;
    options.onServerError(String(ctx.state['requestId']), error);
  });
  for (const name of refusals) {
    provider.on(name as 'grant.error', (ctx, error) => {
      ctx.state['protocolError'] = error;
    });
  }
  return {
    provider,
    adapted,
    serve: compose([
      cacheDocuments(),
      completeDocuments(options.keys()),
      tellMutualTls(options),
      plainRequests(provider, options),
      completeAnswers,
      pace,
      refuseScripts,
      refreshAsserted(provider, options.refreshKeys),
      refreshCertificates(provider, options, options.refreshKeys),
      handFormOn,
      fetchRequests(provider, options),
      ...provider.middleware,
    ]),
  };
}

/** Events that carry an error to the client; they only note it, as they fire before anything is committed. */
const refusals = [
  'authorization.error',
  'grant.error',
  'introspection.error',
  'revocation.error',
  'userinfo.error',
  'pushed_authorization_request.error',
  'backchannel_authentication.error',
  'device_authorization.error',
  'end_session.error',
  'end_session_confirm.error',
  'code_verification.error',
  'device_resume.error',
] as const;
