import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { doorState } from '../../foundation/http/door.ts';
import { upstreamScope } from '../clients/module.ts';
import { type Bearer, currentUnit, type FindBearer } from '../protocol/module.ts';
import type { Throttle } from '../throttle/module.ts';
import type { FederationErrorCode } from './errors.ts';
import { keepsTokens } from './provider.ts';
import type { Providers } from './providers.ts';
import type { createTokenVault } from './token-vault.ts';
import type { UpstreamTokens } from './upstream-tokens.ts';

export interface TokenPagesParts {
  readonly clock: Clock;
  readonly providers: Pick<Providers, 'find'>;
  readonly throttle: Pick<Throttle, 'spend'>;
  readonly findBearer: FindBearer;
  readonly vault: ReturnType<typeof createTokenVault>;
}

/** RFC 6750 §2.1. In the address or a form a token would end in logs. */
const bearer = /^Bearer ([\w-]{1,512})$/i;

/** What sends the app's person to the provider. */
const signInRequired: FederationErrorCode = 'upstream_sign_in_required';

/** Seconds after which an app may ask again for what a provider did not answer. */
const retrySeconds = 5;

/** Mounts where an app gets the tokens of a person's identity at another provider. */
export function mountTokens(router: Router, parts: TokenPagesParts): void {
  router.get('/api/v1/identities/:name/token', async (ctx) => {
    const name = String(ctx['params']?.['name']);
    const header = ctx.get('authorization');
    const presented = bearer.exec(header)?.[1];
    const found = presented === undefined ? undefined : await parts.findBearer(presented);
    if (!found) return refuseStranger(ctx, parts, header !== '');
    const scope = upstreamScope(name);
    // A provider that there is not is refused like one that this app may not use: names are nobody's business.
    if (!found.scopes.has(scope)) return refuse(ctx, found, { name, scope });
    await hand(ctx, parts, found, name);
  });
}

async function hand(ctx: Context, parts: TokenPagesParts, found: Bearer, name: string): Promise<void> {
  const provider = parts.providers.find(name);
  const isKept = provider !== undefined && keepsTokens(provider) && !provider.definition.disabled;
  const by = { actor: { kind: 'client', id: found.clientId }, facts: doorState(ctx).facts } as const;
  const wanted = { userId: found.userId, client: found.clientId, by };
  const retrieved = isKept ? await parts.vault({ ...wanted, provider }) : ({ kind: 'none' } as const);
  tell(found, name, retrieved.kind);
  if (retrieved.kind === 'found') {
    ctx.body = answerOf(parts.clock, retrieved.tokens);
  } else if (retrieved.kind === 'none') {
    const description = 'the person has to sign in with this provider again';
    answerError(ctx, 409, { error: signInRequired, error_description: description });
  } else {
    ctx.set('Retry-After', String(retrySeconds));
    const description = 'the provider does not answer just now';
    answerError(ctx, 503, { error: 'temporarily_unavailable', error_description: description });
  }
}

/** In the words of RFC 6749 §5.1; the refresh token stays here. */
const answerOf = (clock: Clock, { accessToken, expiresAt, scope }: UpstreamTokens): object => ({
  access_token: accessToken,
  token_type: 'Bearer',
  ...(expiresAt === undefined ? {} : { expires_in: Math.max(0, Math.floor((expiresAt - clock.now()) / 1000)) }),
  ...(scope === undefined ? {} : { scope }),
});

function tell({ userId, clientId }: Bearer, provider: string, kind: 'found' | 'none' | 'unavailable' | 'scope'): void {
  currentUnit()?.events.push({
    type: 'identity.token_retrieved',
    outcome: kind === 'found' ? 'success' : kind === 'scope' ? 'denied' : 'failure',
    ...(kind === 'found' ? {} : { reason: reasons[kind] }),
    actor: { kind: 'client', id: clientId },
    subject: userId,
    client: clientId,
    details: { provider },
  });
}

const reasons = { none: 'sign_in_required', unavailable: 'provider_unavailable', scope: 'insufficient_scope' } as const;

/** RFC 6750 §3.1: without a token nothing is said of one. Whoever tries them one after another has to wait. */
function refuseStranger(ctx: Context, { throttle }: TokenPagesParts, hasTried: boolean): void {
  const wait = throttle.spend(doorState(ctx).facts.ip);
  if (wait !== undefined) {
    ctx.set('Retry-After', String(wait));
    const description = 'too many requests without a good access token came from this address';
    answerError(ctx, 429, { error: 'too_many_requests', error_description: description });
    return;
  }
  const description = 'the access token is missing, unknown, expired or revoked';
  ctx.set('WWW-Authenticate', hasTried ? `Bearer error="invalid_token", error_description="${description}"` : 'Bearer');
  answerError(ctx, 401, { error: 'invalid_token', error_description: description });
}

function refuse(ctx: Context, found: Bearer, { name, scope }: { name: string; scope: string }): void {
  tell(found, name, 'scope');
  // RFC 6750 §3: a value in a header is only ever one of ours.
  const named = /^[\w:-]+$/.test(scope) ? `, scope="${scope}"` : '';
  ctx.set('WWW-Authenticate', `Bearer error="insufficient_scope"${named}`);
  answerError(ctx, 403, { error: 'insufficient_scope', error_description: 'the access token does not reach this far' });
}

function answerError(ctx: Context, status: number, body: { error: string; error_description: string }): void {
  ctx.status = status;
  ctx.body = body;
}
