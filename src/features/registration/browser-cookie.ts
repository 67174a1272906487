const path = '/register';
const maxAgeSeconds = 24 * 60 * 60;

const nameOf = (issuer: string): string =>
  issuer.startsWith('https:') ? '__Secure-postern.registration' : 'postern.registration';

/** The cookie by which a browser is known that filled in the form. It goes to these pages only. */
export function browserCookie(issuer: string, secret: string): string {
  const secure = issuer.startsWith('https:') ? '; Secure' : '';
  return `${nameOf(issuer)}=${secret}; Path=${path}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`;
}

/** What the cookie holds. */
export function readBrowserCookie(header: string | undefined, issuer: string): string | undefined {
  const start = `${nameOf(issuer)}=`;
  const pair = header
    ?.split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(start));
  return pair?.slice(start.length);
}
