/** A cookie by which a browser is known again, for the pages of one path only. */
export interface SecretCookie {
  readonly issuer: string;
  /** Without the prefix that browsers insist on https for. */
  readonly name: string;
  readonly path: string;
  readonly maxAgeSeconds: number;
  /** Whether it has to come along with a form that another site posts here. */
  readonly crossSite?: boolean | undefined;
}

const nameOf = ({ issuer, name }: Pick<SecretCookie, 'issuer' | 'name'>): string =>
  issuer.startsWith('https:') ? `__Secure-${name}` : name;

/** The header that sets it. */
export function writeSecretCookie(cookie: SecretCookie, secret: string): string {
  const { path, maxAgeSeconds, crossSite = false } = cookie;
  // Browsers take `None` with `Secure` only, and that on a loopback name too.
  const secure = crossSite || cookie.issuer.startsWith('https:') ? '; Secure' : '';
  const sameSite = crossSite ? 'None' : 'Lax';
  return `${nameOf(cookie)}=${secret}; Path=${path}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=${sameSite}${secure}`;
}

/** What it holds, of the `Cookie` header of a request. */
export function readSecretCookie(
  cookie: Pick<SecretCookie, 'issuer' | 'name'>,
  header: string | undefined,
): string | undefined {
  const start = `${nameOf(cookie)}=`;
  const pair = header
    ?.split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(start));
  return pair?.slice(start.length);
}

/** The header that takes it away again. */
export const clearSecretCookie = (cookie: Omit<SecretCookie, 'maxAgeSeconds'>): string =>
  `${writeSecretCookie({ ...cookie, maxAgeSeconds: 0 }, '')}; Expires=Thu, 01 Jan 1970 00:00:00 GMT`;
