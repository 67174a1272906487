import type { Middleware } from 'koa';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type Clock, epochSeconds } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Users } from '../users/module.ts';
import type { ApprovalStore } from './approvals/store.ts';
import { isNobody, nobodyCalled } from './nobody.ts';
import { publicDocuments, routes } from './routes.ts';
import { requireUnit } from './unit.ts';

export const cibaGrant = 'urn:openid:params:grant-type:ciba';

/** Somebody is asked to allow an app something while they are elsewhere. */
export interface AskedFor {
  readonly accountId: string;
  readonly clientId: string;
  /** What the app shows as well, so that they see that it is the same request. */
  readonly message: string | undefined;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

export interface CibaParts {
  readonly users: Users;
  readonly clock: Clock;
  readonly approvals: ApprovalStore;
  /** Names people who do not exist; the same on every node. */
  readonly nobodyKey: Buffer;
  /** What tells the person, to be stored with the request. */
  readonly tellPerson: (asked: AskedFor) => Promise<readonly Operation[]>;
}

/** How long a request waits, in seconds: where the client says nothing, and at most. */
const standardSeconds = 300;
const longestSeconds = 600;
/** How many requests a person may get within the longest time that one waits: nobody shall be worn down into allowing one. */
const mostAtOnce = 5;
/** How many seconds lie between two questions of a client (CIBA Core §7.3). */
const intervalSeconds = 5;

/** How long a request waits, in seconds (`requested_expiry`, CIBA Core §7.1). */
export const approvalSeconds = (ctx: KoaContextWithOIDC): number =>
  Math.min(Number(ctx.oidc.params?.['requested_expiry'] ?? standardSeconds), longestSeconds);

/**
 * Client-initiated backchannel authentication, by poll and ping (OpenID Connect CIBA Core). The person decides on a page
 * of their account, under a sign-in of their own: what a client says of them is a hint and no more. A login that nobody
 * has is answered as every other, and waits for ever: `unknown_user_id` would tell clients who has an account. A request
 * for whoever an ID token names is told it, as the client has known that person.
 */
export function ciba(parts: CibaParts) {
  return {
    enabled: true as const,
    deliveryModes: ['poll' as const, 'ping' as const],
    async processLoginHint(_ctx: unknown, hint: string | undefined) {
      const user = await parts.users.findByLogin(String(hint));
      const isThere = user !== undefined && user.disabledAt === undefined;
      return isThere ? user.id : nobodyCalled(parts.nobodyKey, String(hint));
    },
    processLoginHintToken(): never {
      throw refused('login_hint_token is not supported: use login_hint or id_token_hint');
    },
    validateRequestContext: () => undefined,
    validateBindingMessage(_ctx: unknown, message: string | undefined) {
      if (message !== undefined && !isShowable(message)) throw new errors.InvalidBindingMessage(bindingRule);
    },
    // No code is asked for at the client: who knows it could be asked for it by anybody (CIBA Core §7.1, `user_code`).
    async verifyUserCode(_ctx: unknown, { accountId }: { accountId: string }, code: string | undefined) {
      if (code !== undefined) throw refused('user_code is not supported');
      const since = parts.clock.now() - longestSeconds * 1000;
      if ((await parts.approvals.countSince(accountId, since)) >= mostAtOnce) throw tooMany();
    },
    triggerAuthenticationDevice: (ctx: KoaContextWithOIDC, request: object) =>
      tell(parts, ctx, request as { accountId: string; clientId: string }),
  };
}

/** What a person can compare: short, one line, and nothing that is not seen or that turns around what is beside it. */
const isShowable = (message: string): boolean => /^[^\p{C}\p{Zl}\p{Zp}]{1,64}$/u.test(message) && message.trim() !== '';
const bindingRule = 'binding_message must have 1 to 64 characters that can be seen';

function refused(description: string): Error {
  const error = new errors.InvalidRequest(description);
  error.error_description = description;
  return error;
}

/** CIBA Core §13: the provider denies it, with 403. */
function tooMany(): Error {
  const description = 'too many requests for this person; try again in some minutes';
  const error = new errors.AccessDenied(description);
  return Object.assign(error, { error_description: description, statusCode: 403 });
}

/** One mail while something waits: the page that it leads to shows everything that does. */
async function tell(
  { approvals, clock, tellPerson }: CibaParts,
  ctx: KoaContextWithOIDC,
  { accountId, clientId }: { accountId: string; clientId: string },
): Promise<void> {
  if (isNobody(accountId)) return;
  const now = clock.now();
  if ((await approvals.waiting(accountId, now)).length > 0) return;
  const message = ctx.oidc.params?.['binding_message'] as string | undefined;
  const { expires_in: seconds } = ctx.body as { expires_in: number };
  requireUnit().joinStep(await tellPerson({ accountId, clientId, message, until: now + seconds * 1000 }));
}

interface Asked {
  /** When the client asked last, in seconds, and how long it has to wait now. */
  readonly at: number;
  readonly interval: number;
}

/** So many requests' last questions are known to a process. */
const rememberedQuestions = 10_000;

/**
 * Tells clients that ask too often to slow down (CIBA Core §11). Each process counts for itself: asking costs little, and
 * gives nothing.
 */
export function paceQuestions(clock: Clock): Middleware {
  const asked = new Map<string, Asked>();
  return async (ctx, next) => {
    await next();
    const request = ctx.path === routes.token ? waitingRequest(ctx) : undefined;
    if (request === undefined) return;
    const now = epochSeconds(clock);
    const former = asked.get(request);
    const isEarly = former !== undefined && now - former.at < former.interval;
    const interval = (former?.interval ?? intervalSeconds) + (isEarly ? intervalSeconds : 0);
    asked.delete(request);
    asked.set(request, { at: now, interval });
    for (const oldest of asked.keys()) {
      if (asked.size <= rememberedQuestions) break;
      asked.delete(oldest);
    }
    if (isEarly) ctx.body = { error: 'slow_down', error_description: `ask every ${interval} seconds` };
  };
}

/** What the library leaves out, and what its discovery document promises in any case. */
export const completeAnswers: Middleware = async (ctx, next) => {
  await next();
  const body = (ctx.body ?? {}) as Record<string, unknown>;
  if (ctx.path === routes.backchannel_authentication && ctx.status === 200) body['interval'] = intervalSeconds;
  if (publicDocuments.has(ctx.path) && body[userCodes] === true) body[userCodes] = false;
};
const userCodes = 'backchannel_user_code_parameter_supported';

/** The request that a client asked for in vain, by its hash. */
function waitingRequest(ctx: { status: number; body: unknown }): string | undefined {
  const { error } = (ctx.body ?? {}) as { error?: unknown };
  const { params } = (ctx as { oidc?: { params?: Record<string, unknown> } }).oidc ?? {};
  const id = params?.['auth_req_id'];
  return ctx.status === 400 && error === 'authorization_pending' && typeof id === 'string' ? sha256(id) : undefined;
}
