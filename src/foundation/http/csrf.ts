import type { IncomingHttpHeaders } from 'node:http';
import { csrfRefused } from './errors.ts';

/**
 * Whether a request that changes something comes from our own pages: `Sec-Fetch-Site` says `same-origin`, or it is absent
 * (older browsers, plain http on some) and `Origin` is ours. Both are set by the browser and out of reach of a foreign
 * page, which otherwise could make a person's browser press our buttons. Throws `csrf_refused` (403).
 */
export function assertSameOrigin(headers: IncomingHttpHeaders, issuer: string): void {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) {
    if (site !== 'same-origin') throw csrfRefused('Sec-Fetch-Site is not same-origin');
  } else if (headers.origin !== issuer) {
    throw csrfRefused(headers.origin === undefined ? 'neither Sec-Fetch-Site nor Origin' : 'Origin is not the issuer');
  }
}
