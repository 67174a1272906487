import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import { AppError } from '../../foundation/errors.ts';
import { doorState, seeOther } from '../../foundation/http/door.ts';
import { clearSecretCookie, readSecretCookie, writeSecretCookie } from '../../foundation/http/secret-cookie.ts';
import type { Log } from '../../foundation/observe/log.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import type { Views } from '../../foundation/views/render.ts';
import { currentUnit } from '../protocol/module.ts';
import { providerLimitMs } from './ask-provider.ts';
import type { Connect } from './connect.ts';
import { showLeaving } from './leaving-pages.ts';
import { loggedOutUrl, type Provider, signsOutThere } from './provider.ts';
import type { Providers } from './providers.ts';
import type { FederatedSignInStore } from './sign-ins/store.ts';

export interface SignOutThereParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly keyRing: KeyRing;
  readonly log: Pick<Log, 'warn'>;
  readonly views: Views;
  readonly providers: Pick<Providers, 'find'>;
  readonly connect: Pick<Connect, 'open'>;
  readonly signIns: Pick<FederatedSignInStore, 'behind' | 'end'>;
}

/**
 * Answers with the way to the provider that a sign-in came from, where it is to end there as well; `onward` is where the
 * person is led afterwards. Leaves the answer as it is for every other sign-in, and where the provider cannot be asked.
 */
export type SignOutThere = (ctx: Context, signInId: string, onward: string) => Promise<void>;

/** How long the way there and back may take, in milliseconds. */
const wayMs = 30 * 60 * 1000;
/** Browsers drop a cookie of more than 4096 bytes. */
const longestCookie = 3800;
/** Servers refuse addresses of more than about 8000 characters; some ID tokens list every group of a person. */
const longestHint = 4096;

/** Of the browser that signed out, and of this state alone: an address that somebody else made up is not in it. */
const cookieOf = (issuer: string, state: string) => ({
  issuer,
  name: `postern.logout.${sha256(state).slice(0, 22)}`,
  path: '/federation/',
});
const placeOf = (provider: string, state: string) => ({
  table: 'cookies',
  column: 'logout',
  row: JSON.stringify([provider, sha256(state)]),
});

export function createSignOutThere(parts: SignOutThereParts): SignOutThere {
  return async (ctx, signInId, onward) => {
    const behind = await parts.signIns.behind(signInId);
    const provider = behind && parts.providers.find(behind.provider);
    if (!provider || provider.definition.disabled || !signsOutThere(provider)) return;
    currentUnit()?.joinStep([parts.signIns.end(signInId)]);
    const endpoint = await endpointOf(parts, provider);
    if (!endpoint) return;
    const { issuer, clock, random, keyRing } = parts;
    const state = secretToken(random);
    const kept = JSON.stringify({ onward, until: clock.now() + wayMs });
    const sealed = keyRing.seal(kept, placeOf(provider.name, state));
    if (sealed.length > longestCookie) return;
    ctx.append('Set-Cookie', writeSecretCookie({ ...cookieOf(issuer, state), maxAgeSeconds: wayMs / 1000 }, sealed));
    const href = addressAt(endpoint, {
      issuer,
      provider,
      state,
      hint: behind.idToken,
      uiLocales: doorState(ctx).uiLocales,
    });
    ctx.remove('Location');
    showLeaving(ctx, parts.views, { provider: provider.title, href, signsOut: true });
  };
}

/** Where it takes sign-outs. None where it cannot be asked: whoever signs out here is signed out, whatever others do. */
async function endpointOf({ connect, issuer, log }: SignOutThereParts, provider: Provider): Promise<URL | undefined> {
  try {
    const { config } = await connect.open(provider, providerLimitMs);
    const found = URL.parse(config.serverMetadata().end_session_endpoint ?? '');
    const isSafe = found?.protocol === 'https:' || (found?.protocol === 'http:' && issuer.startsWith('http:'));
    return found && isSafe ? found : undefined;
  } catch (error) {
    log.warn(
      { provider: provider.name, err: error },
      'an identity provider could not be asked where it signs people out',
    );
    return undefined;
  }
}

/** What a provider is told of somebody who signs out. */
interface Told {
  readonly issuer: string;
  readonly provider: Provider;
  readonly state: string;
  readonly hint: string | undefined;
  readonly uiLocales: string | undefined;
}

/**
 * OpenID Connect RP-Initiated Logout §2, with the hint that it recommends: without one a provider has to ask the person
 * whether they mean it, since anybody could have led them there.
 */
function addressAt(endpoint: URL, of: Told): string {
  const url = new URL(endpoint);
  if (of.hint !== undefined && of.hint.length <= longestHint) url.searchParams.set('id_token_hint', of.hint);
  url.searchParams.set('client_id', of.provider.definition.client_id);
  url.searchParams.set('post_logout_redirect_uri', loggedOutUrl(of.issuer, of.provider.name));
  url.searchParams.set('state', of.state);
  if (of.uiLocales !== undefined) url.searchParams.set('ui_locales', of.uiLocales);
  return url.href;
}

/** Mounts where a provider leads who has signed out there. */
export function mountLoggedOut(router: Router, parts: Pick<SignOutThereParts, 'issuer' | 'clock' | 'keyRing'>): void {
  router.get('/federation/:name/logged-out', (ctx) => {
    const { state } = ctx.query;
    const given = typeof state === 'string' ? state : '';
    const cookie = cookieOf(parts.issuer, given);
    const sealed = readSecretCookie(cookie, ctx.headers.cookie);
    if (sealed === undefined) return seeOther(ctx, '/');
    ctx.append('Set-Cookie', clearSecretCookie(cookie));
    // Only ever where the sign-out here would have led, whatever else came along (open redirect).
    seeOther(ctx, opened(parts, placeOf(String(ctx['params']?.['name']), given), sealed) ?? '/');
  });
}

function opened(
  { clock, keyRing }: Pick<SignOutThereParts, 'clock' | 'keyRing'>,
  place: ReturnType<typeof placeOf>,
  sealed: string,
): string | undefined {
  try {
    const { onward, until } = JSON.parse(keyRing.open(sealed, place).toString()) as { onward: string; until: number };
    return clock.now() < until ? onward : undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === 'decrypt_failed') return undefined;
    throw error;
  }
}
