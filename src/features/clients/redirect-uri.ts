import { z } from 'zod';

/** Names that browsers and operating systems keep on this machine (RFC 6761 §6.3). */
const loopback = /^(localhost|[\w.-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
/** Those at which an app of its own may listen (RFC 8252 §7.3, §8.3). */
const loopbackOfApps = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/** Schemes that run code, read files or hand the address to something that is no app. */
const forbiddenSchemes =
  'about blob data file filesystem ftp gopher intent jar javascript mailto sftp shell ssh tel urn vbscript view-source wais ws wss'.split(
    ' ',
  );

/** RFC 8252 §7.1, §8.4: a scheme without a domain that the app's maker holds may be any other app's, which would get the code. */
const ownSchemeProblem = (scheme: string): string | undefined =>
  scheme.includes('.') ? undefined : 'must use a scheme that is a domain of yours in reverse (org.example.app:/…)';

/**
 * Why a redirect URI cannot be used, or undefined. Absolute and without fragment (RFC 6749 §3.1.2); https, http on the
 * loopback interface (RFC 8252 §7.3), or an app's own scheme (RFC 8252 §7.1). Anything else would carry the code in the
 * clear, or into a script.
 */
export function redirectUriProblem(uri: string): string | undefined {
  const url = URL.parse(uri);
  if (url === null || /[\s\\\p{Cc}]/u.test(uri)) return 'must be an absolute URI';
  if (uri.includes('#')) return 'must have no fragment';
  const scheme = url.protocol.slice(0, -1);
  if (forbiddenSchemes.includes(scheme)) return `must not use the scheme ${scheme}`;
  if (scheme !== 'https' && scheme !== 'http') return ownSchemeProblem(scheme);
  if (url.username !== '' || url.password !== '') return 'must carry no user name or password';
  return scheme === 'http' && !loopback.test(url.hostname) ? 'must use https (http only for localhost)' : undefined;
}

/** Why a redirect URI does not suit the type of app that registers it (OpenID Connect Registration §2), or undefined. */
export function applicationTypeProblem(uri: string, type: 'web' | 'native'): string | undefined {
  const url = URL.parse(uri);
  if (url === null) return undefined;
  const web = /^https?:$/.test(url.protocol);
  if (type === 'web') return web ? undefined : 'a scheme of an app of its own needs application_type: native';
  if (url.protocol === 'http:' && !loopbackOfApps.test(url.hostname))
    return 'a native app listens on 127.0.0.1, [::1] or localhost';
  return url.protocol === 'https:' && loopbackOfApps.test(url.hostname)
    ? 'a native app uses http on this machine'
    : undefined;
}

export const redirectUri = z
  .string()
  .max(2000)
  .superRefine((uri, context) => {
    const problem = redirectUriProblem(uri);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

/**
 * Where a request object of the app's is fetched from (OpenID Connect Core §6.2): https, at most 512 characters; a
 * fragment is the SHA-256 of what is there.
 */
export const requestUri = z
  .string()
  .max(512)
  .refine((uri) => {
    const url = URL.parse(uri);
    const isPlain =
      url?.protocol === 'https:' && url.username === '' && url.password === '' && !/[\s\\\p{Cc}]/u.test(uri);
    return isPlain && (!uri.includes('#') || /#[\w-]{43}$/.test(uri));
  }, 'must be an https address, whose fragment, if it has one, is a SHA-256 in base64url');

/** An address of the app's that people or Postern visit: https, or http on the loopback interface; no fragment. */
export const webUri = redirectUri.refine((uri) => /^https?:/i.test(uri), 'must be an https address');

/** An address of the app's that only https may lead to. */
export const httpsUri = webUri.refine((uri) => uri.startsWith('https:'), 'must be an https address');
