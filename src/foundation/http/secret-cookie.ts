/** A cookie by which a browser is known again, for the pages of one path only. */
export interface SecretCookie {
  readonly issuer: string;
  /** Without the prefix that browsers insist on https for. */
  readonly name: string;
  readonly path: string;
  readonly maxAgeSeconds: number;
}

const nameOf = ({ issuer, name }: Pick<SecretCookie, 'issuer' | 'name'>): string =>
  issuer.startsWith('https:') ? `__Secure-${name}` : name;

/** The header that sets it. */
export function writeSecretCookie(cookie: SecretCookie, secret: string): string {
  const secure = cookie.issuer.startsWith('https:') ? '; Secure' : '';
  const { path, maxAgeSeconds } = cookie;
  return `${nameOf(cookie)}=${secret}; Path=${path}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`;
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
