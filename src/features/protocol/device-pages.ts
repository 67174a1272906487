import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import type { PageLocals } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import { throttledProblem } from '../../foundation/views/waiting.ts';
import type { Clients } from '../clients/module.ts';
import { appOnPage } from './app-on-page.ts';
import { routes } from './routes.ts';
import { isFormGone } from './stale-form.ts';
import { inAskedLanguage, speakAsAsked } from './ui-locales.ts';

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;
type Problem = NonNullable<PageLocals['interaction/device-code-input']['problem']>;
type WrongCode = Exclude<Problem['kind'], 'throttled'>;

/** What the page of the user code and the limit of tries tell each other, in `ctx.state`. */
export interface DeviceTyping {
  problem?: WrongCode;
  /** Set when this try is one too many. */
  retryAfterSeconds?: number;
}

/** The library's re-render errors by name (helpers/re_render_errors.js). */
const problems: Readonly<Record<string, WrongCode>> = {
  NoCodeError: 'missing',
  NotFoundError: 'not-found',
  ExpiredError: 'expired',
  AlreadyUsedError: 'used',
};

export interface DevicePagesParts {
  readonly clock: Clock;
  readonly clients: Clients;
  readonly views: Views;
  /** The page for errors that typing another code does not mend. */
  readonly error: NonNullable<Configuration['renderError']>;
}

/** Device authorization (RFC 8628) with pages of ours: consonants only, so that no word and no likeness arises (§6.1). */
export function deviceFlow(parts: DevicePagesParts): DeviceFlow {
  const { clients, views } = parts;
  const render = <Name extends keyof PageLocals>(
    ctx: KoaContextWithOIDC,
    page: Name,
    locals: PageLocals[Name],
  ): void => {
    ctx.type = 'html';
    ctx.body = views.render(page, locals, { language: String(ctx.state['language']) });
  };
  return {
    enabled: true,
    charset: 'base-20',
    mask: '****-****',
    async userCodeInputSource(ctx, _form, out, error) {
      speakAsDevice(ctx);
      if (error?.name === 'AbortedError') return render(ctx, 'interaction/device-done', { outcome: 'refused' });
      if (out && error && isBeyondTyping(ctx, error)) return parts.error(ctx, out, error);
      // The code in `verification_uri_complete` is filled in, never sent on by itself (RFC 8628 §5.4, remote phishing).
      const typed = (error as { userCode?: string } | undefined)?.userCode ?? ctx.state['userCode'];
      return render(ctx, 'interaction/device-code-input', {
        action: inAskedLanguage(ctx, routes.code_verification),
        hidden: { xsrf: String(ctx.oidc.session?.state?.['secret']) },
        userCode: typeof typed === 'string' ? typed : undefined,
        problem: problemOf(parts.clock, ctx, error),
      });
    },
    // oxlint-disable-next-line eslint/max-params -- the library calls it with five
    userCodeConfirmSource(ctx, _form, client, _deviceInfo, userCode) {
      speakAsDevice(ctx);
      return render(ctx, 'interaction/device-confirm', {
        action: inAskedLanguage(ctx, routes.code_verification),
        hidden: { xsrf: String(ctx.oidc.session?.state?.['secret']), user_code: userCode },
        app: appOnPage(clients, client.clientId) ?? { name: client.clientId },
        userCode,
      });
    },
    successSource(ctx) {
      speakAsDevice(ctx);
      return render(ctx, 'interaction/device-done', {
        outcome: 'connected',
        app: appOnPage(clients, ctx.oidc.client?.clientId),
      });
    },
  };
}

/** Once it is known which device is meant, what that one asked for holds. */
const speakAsDevice = (ctx: KoaContextWithOIDC): void => speakAsAsked(ctx, ctx.oidc.entities.DeviceCode?.params);

/** The step is over, or the server failed: no other code would help. */
const isBeyondTyping = (ctx: KoaContextWithOIDC, error: Error): boolean =>
  problems[error.name] === undefined &&
  (ctx.status >= 500 || error instanceof errors.SessionNotFound || isFormGone(error));

/** What to tell the person about what they typed; sets the status that goes with it. */
function problemOf(clock: Clock, ctx: KoaContextWithOIDC, error: Error | undefined): Problem | undefined {
  const typing = ctx.state['deviceTyping'] as DeviceTyping | undefined;
  const retryAfter = typing?.retryAfterSeconds;
  if (retryAfter !== undefined) {
    ctx.status = 429;
    ctx.set('Retry-After', String(retryAfter));
    return throttledProblem(clock, retryAfter);
  }
  const kind = error && problems[error.name];
  if (kind === undefined) return undefined;
  if (typing) typing.problem = kind;
  ctx.status = 400;
  return { kind };
}
