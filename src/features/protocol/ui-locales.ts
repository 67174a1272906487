import type { Middleware } from 'koa';
import { doorState } from '../../foundation/http/door.ts';
import { routes } from './routes.ts';

/** Longer is no honest list of languages, and need not come back to us. */
const longest = 300;

/** Has this request answered in the languages of the one that began it all (OpenID Connect Core §3.1.2.1). */
export function speakAsAsked(
  ctx: { readonly state: Record<string, unknown> },
  params: { readonly [name: string]: unknown } | undefined,
): void {
  const asked = params?.['ui_locales'];
  if (typeof asked === 'string' && asked !== '') doorState(ctx).uiLocales = asked;
}

/** An address of ours that goes on in the languages asked for: the device and logout pages have no other memory. */
export function inAskedLanguage(ctx: { readonly state: Record<string, unknown> }, path: string): string {
  const { uiLocales } = doorState(ctx);
  return uiLocales === undefined
    ? path
    : `${path}?${new URLSearchParams({ ui_locales: uiLocales.slice(0, longest) }).toString()}`;
}

/** The library leads on to "signed out" without the languages that were asked for; they go along. */
export const keepLanguageOfLogout: Middleware = async (ctx, next) => {
  await next();
  if (ctx.path !== `${routes.end_session}/confirm`) return;
  const target = URL.parse(ctx.response.get('location'));
  const { uiLocales } = doorState(ctx);
  if (target?.pathname !== `${routes.end_session}/success` || uiLocales === undefined) return;
  target.searchParams.set('ui_locales', uiLocales.slice(0, longest));
  ctx.set('location', target.href);
};
