import type Router from '@koa/router';
import type { Context } from 'koa';
import { doorState, field } from '../../foundation/http/door.ts';
import { currentUnit, type SignInSessions } from '../protocol/module.ts';
import type { Throttle } from '../throttle/module.ts';
import { refusalOf } from './ask-provider.ts';
import { federationBusy } from './errors.ts';
import type { createReadLogoutToken } from './logout-token.ts';
import type { Provider } from './provider.ts';
import type { Providers } from './providers.ts';
import type { IdentityStore } from './store.ts';

export interface LogoutPagesParts {
  readonly providers: Pick<Providers, 'find'>;
  readonly throttle: Pick<Throttle, 'spend'>;
  readonly identities: IdentityStore;
  readonly sessions: Pick<SignInSessions, 'endThose'>;
  readonly readLogoutToken: ReturnType<typeof createReadLogoutToken>;
}

/** Mounts where a provider tells that somebody has signed out there (OpenID Connect Back-Channel Logout §2.5). */
export function mountLogout(router: Router, parts: LogoutPagesParts): void {
  router.post('/federation/:name/backchannel-logout', async (ctx) => {
    const provider = parts.providers.find(String(ctx['params']?.['name']));
    const wait = parts.throttle.spend(doorState(ctx).facts.ip);
    if (wait !== undefined) throw federationBusy(wait);
    const isPossible = provider?.preset.protocol === 'oidc' && provider.definition.type !== 'microsoft';
    if (!isPossible || provider.definition.disabled) return refuse(ctx, 'unknown_provider');
    await take(ctx, parts, provider);
  });
}

async function take(ctx: Context, parts: LogoutPagesParts, provider: Provider): Promise<void> {
  const found = await read(parts, provider, field(ctx, 'logout_token'));
  if (typeof found === 'string') return refuse(ctx, found);
  const identity = await parts.identities.find(found);
  // Somebody whom nobody knows here is signed out already; who is known is nobody's business.
  const ended = identity ? await parts.sessions.endThose(identity.userId, (amr) => amr.includes('fed')) : [];
  for (const _ of ended) {
    currentUnit()?.events.push({
      type: 'session.ended',
      outcome: 'success',
      actor: { kind: 'system', name: 'federation' },
      subject: identity?.userId,
      details: { by: 'provider', provider: provider.name },
    });
  }
  ctx.type = 'json';
  ctx.body = '{}';
}

/** Whom the token signs out, or why it does not count. */
async function read({ readLogoutToken }: LogoutPagesParts, provider: Provider, token: string) {
  try {
    return (await readLogoutToken(provider, token)) ?? 'invalid_logout_token';
  } catch (error) {
    return refusalOf(error).reason;
  }
}

function refuse(ctx: Context, reason: string): void {
  const actor = { kind: 'anonymous' } as const;
  currentUnit()?.events.push({ type: 'federation.refused', outcome: 'denied', reason, actor });
  ctx.status = 400;
  ctx.body = { error: 'invalid_request', error_description: 'the logout token is not valid' };
}
