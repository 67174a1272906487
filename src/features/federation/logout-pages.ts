import type Router from '@koa/router';
import type { Context } from 'koa';
import { doorState, field } from '../../foundation/http/door.ts';
import { currentUnit, requireUnit, type SignInSessions } from '../protocol/module.ts';
import type { Throttle } from '../throttle/module.ts';
import { refusalOf } from './ask-provider.ts';
import { federationBusy } from './errors.ts';
import type { createReadLogoutToken, SignedOut } from './logout-token.ts';
import type { Provider } from './provider.ts';
import type { Providers } from './providers.ts';
import type { FederatedSignInStore } from './sign-ins/store.ts';
import type { IdentityStore } from './store.ts';

export interface LogoutPagesParts {
  readonly providers: Pick<Providers, 'find'>;
  readonly throttle: Pick<Throttle, 'spend'>;
  readonly signIns: Pick<FederatedSignInStore, 'meant' | 'known' | 'wasTaken' | 'take'>;
  readonly identities: Pick<IdentityStore, 'find'>;
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
  // §2.6: a token counts once; two at the same moment are told apart by what commits with the ending.
  if (await parts.signIns.wasTaken(provider.name, found)) return refuse(ctx, 'replayed_logout_token');
  requireUnit().joinStep([parts.signIns.take(provider.name, found)], 'consume');
  // Somebody whom nobody knows here is signed out already; who is known is nobody's business.
  await end(parts, provider, await parts.signIns.meant(provider.name, found));
  await endUnknown(parts, provider, found);
  ctx.type = 'json';
  ctx.body = '{}';
}

type Meant = Awaited<ReturnType<FederatedSignInStore['meant']>>;

async function end(parts: LogoutPagesParts, provider: Provider, meant: Meant): Promise<void> {
  const ids = new Set(meant.map(({ id }) => id));
  for (const userId of new Set(meant.map((one) => one.userId))) {
    await endOf(parts, provider, { userId, isMeant: (id) => ids.has(id) });
  }
}

/**
 * Of sign-ins from before it was noted what proved them, a token that names a person means all that another provider
 * proved: better one too many than one that goes on.
 */
async function endUnknown(parts: LogoutPagesParts, provider: Provider, found: SignedOut): Promise<void> {
  const { issuer, subject } = found;
  const identity = subject === undefined ? undefined : await parts.identities.find({ issuer, subject });
  if (identity?.provider !== provider.name) return;
  const { userId } = identity;
  const known = await parts.signIns.known(userId);
  await endOf(parts, provider, { userId, isMeant: (id) => !known.has(id) });
}

async function endOf(
  { sessions }: LogoutPagesParts,
  provider: Provider,
  { userId, isMeant }: { userId: string; isMeant: (id: string) => boolean },
): Promise<void> {
  // What was proved anew by other means since is the provider's to end no longer.
  const ended = await sessions.endThose(userId, ({ id, amr }) => isMeant(id) && amr.includes('fed'));
  for (const _ of ended) {
    currentUnit()?.events.push({
      type: 'session.ended',
      outcome: 'success',
      actor: { kind: 'system', name: 'federation' },
      subject: userId,
      details: { by: 'provider', provider: provider.name },
    });
  }
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
