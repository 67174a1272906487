import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { equalHashes, sha256 } from '../../foundation/crypto/hash.ts';
import { doorState, seeOther } from '../../foundation/http/door.ts';
import type { Log } from '../../foundation/observe/log.ts';
import type { AuditEvent } from '../audit/module.ts';
import { currentUnit, requireUnit } from '../protocol/module.ts';
import type { Throttle } from '../throttle/module.ts';
import type { Arrival } from './arrival.ts';
import { type AskProvider, type Refusal, refusalOf } from './ask-provider.ts';
import type { Attempt, AttemptProblem } from './attempt.ts';
import { federationBusy, federationElsewhere } from './errors.ts';
import { callbackUrl, type Provider } from './provider.ts';
import type { Providers } from './providers.ts';
import { meetsRequirements } from './requirements.ts';
import type { AttemptStore } from './store.ts';
import { clearWayCookie, readWayCookie } from './way-cookie.ts';

export interface CallbackParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  readonly providers: Pick<Providers, 'find'>;
  readonly throttle: Pick<Throttle, 'spend'>;
  readonly attempts: AttemptStore;
  readonly ask: AskProvider;
}

/**
 * Mounts what providers answer to. What they say of somebody is filed under the attempt that asked for it; who that is
 * here is decided where the attempt began, in the browser that began it.
 */
export function mountCallback(router: Router, parts: CallbackParts): void {
  const answer = async (ctx: Context, given: URLSearchParams): Promise<void> => {
    const provider = parts.providers.find(String(ctx['params']?.['name']));
    const found = await arrive(ctx, parts, { provider, given });
    await take(ctx, parts, found);
  };
  router.get('/federation/:name/callback', (ctx) => answer(ctx, new URLSearchParams(ctx.querystring)));
  // Only providers that answer so: elsewhere a foreign page's form is what it looks like.
  router.post('/federation/:name/callback', (ctx) => {
    const { rawBody } = ctx.request as { rawBody?: string };
    return answer(ctx, new URLSearchParams(rawBody ?? ''));
  });
}

interface Found {
  readonly provider: Provider;
  readonly attempt: Attempt;
  readonly state: string;
  readonly given: URLSearchParams;
}

/** The attempt that this answer is to, in the browser that began it. Throws `federation_elsewhere`, `federation_busy`. */
async function arrive(
  ctx: Context,
  parts: CallbackParts,
  { provider, given }: { provider: Provider | undefined; given: URLSearchParams },
): Promise<Found> {
  const state = given.get('state') ?? '';
  if (!provider || provider.definition.disabled) return turnAway(ctx, parts, 'unknown_provider');
  const formPost = provider.preset.formPost === true;
  if ((ctx.method === 'POST') !== formPost) return turnAway(ctx, parts, 'wrong_response_mode');
  // RFC 6749 §3.1: no parameter twice; of two states one would be checked and the other used.
  if ([...new Set(given.keys())].some((name) => given.getAll(name).length > 1)) {
    return turnAway(ctx, parts, 'repeated_parameter');
  }
  const secret = readWayCookie({ issuer: parts.issuer, state, formPost }, ctx.headers.cookie);
  if (secret === undefined) return turnAway(ctx, parts, 'another_browser');
  const attempt = await parts.attempts.find(sha256(state));
  // Mix-up (RFC 9700 §4.4): each provider has a callback of its own, and an attempt comes back to the one it left for.
  if (!attempt || attempt.provider !== provider.name) return turnAway(ctx, parts, 'unknown_state');
  if (!equalHashes(attempt.browserHash, sha256(secret))) return turnAway(ctx, parts, 'another_browser');
  if (!(await parts.attempts.use(attempt.id))) return turnAway(ctx, parts, 'used_state');
  return { provider, attempt, state, given };
}

/** Nobody's answer: nothing is asked, stored or told but that it came. */
function turnAway(ctx: Context, { throttle }: CallbackParts, reason: string): never {
  const wait = throttle.spend(doorState(ctx).facts.ip);
  const actor = { kind: 'anonymous' } as const;
  currentUnit()?.events.push({ type: 'federation.refused', outcome: 'denied', reason, actor });
  if (wait !== undefined) throw federationBusy(wait);
  throw federationElsewhere(reason);
}

async function take(ctx: Context, parts: CallbackParts, { provider, attempt, state, given }: Found): Promise<void> {
  const formPost = provider.preset.formPost === true;
  ctx.append('Set-Cookie', clearWayCookie({ issuer: parts.issuer, state, formPost }));
  const url = new URL(`${callbackUrl(parts.issuer, provider.name)}?${given}`);
  const began = performance.now();
  const found = await vouchedFor(parts, provider, { url, state, way: attempt.way, setOutAt: attempt.createdAt });
  if ('problem' in found) tellRefusal(parts, { provider, attempt, ...found, tookMs: performance.now() - began });
  requireUnit().joinStep([parts.attempts.file(attempt.id, 'problem' in found ? found.problem : found)], 'consume');
  seeOther(ctx, backFrom(attempt));
}

/** Where an attempt is taken up again: only ever a page of ours, whatever came along (open redirect). */
export const backFrom = ({ id, uid }: Pick<Attempt, 'id' | 'uid'>): string =>
  `${uid === undefined ? '/account/identities/return' : `/interaction/${uid}/federation`}?attempt=${id}`;

type Refused = { readonly problem: AttemptProblem; readonly reason: string };

async function vouchedFor(
  { ask }: CallbackParts,
  provider: Provider,
  found: Parameters<AskProvider['exchange']>[1],
): Promise<Arrival | Refused> {
  try {
    const { arrival, json } = await ask.exchange(provider, found);
    const isWelcome = meetsRequirements(provider, arrival, json);
    return isWelcome ? arrival : { problem: 'not-allowed', reason: 'requirements_not_met' };
  } catch (error) {
    return refusalOf(error);
  }
}

/** For the audit; and for the log what an operator has to see to. */
export function tellRefusal(
  { log }: Pick<CallbackParts, 'log'>,
  told: (Refused | Refusal) & { provider: Provider; attempt?: Attempt; tookMs: number },
): void {
  const { provider, problem, reason, tookMs } = told;
  const event: AuditEvent = {
    type: 'federation.refused',
    outcome: problem === 'declined' ? 'denied' : 'failure',
    reason,
    actor: { kind: 'anonymous' },
    details: { provider: provider.name },
  };
  currentUnit()?.events.push(event);
  if (problem !== 'unavailable' && problem !== 'failed') return;
  log.warn(
    { provider: provider.name, reason, took_ms: Math.round(tookMs) },
    'an identity provider did not answer as it should',
  );
}
