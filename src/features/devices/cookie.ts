/** A request's cookies, as Koa has them. */
export interface BrowserCookies {
  get(name: string, options: { signed: boolean }): string | undefined;
  set(name: string, value: string | null, options: object): unknown;
}

/** The longest time that browsers keep a cookie for (RFC 6265bis §5.5). */
const maxAgeMs = 400 * 24 * 60 * 60 * 1000;

/**
 * The cookie by which a browser is known again: 256 random bits, signed, out of reach of scripts, and on https bound to
 * this host, so that a neighbouring one can plant none (cookie tossing).
 */
export function createDeviceCookie(issuer: string) {
  const https = issuer.startsWith('https:');
  const name = https ? '__Host-device' : 'device';
  // A sign-in asks several times, and each time its signature would be checked; and it may begin in the request that gives it.
  const held = new WeakMap<BrowserCookies, { readonly secret: string | undefined }>();
  return {
    /** What the browser brought, or was given meanwhile; undefined where the signature is not ours. */
    read(cookies: BrowserCookies): string | undefined {
      const known = held.get(cookies);
      if (known) return known.secret;
      const secret = cookies.get(name, { signed: true });
      held.set(cookies, { secret });
      return secret;
    },
    write(cookies: BrowserCookies, secret: string): void {
      const bound = { httpOnly: true, sameSite: 'lax', path: '/', secure: https };
      cookies.set(name, secret, { ...bound, signed: true, overwrite: true, maxAge: maxAgeMs });
      held.set(cookies, { secret });
    },
  };
}
