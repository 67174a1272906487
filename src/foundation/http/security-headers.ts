/**
 * The one table of response headers. A door names what it answers with; the table says how browsers must treat it.
 */

/**
 * - `page`: `/`, `/setup`, account and console
 * - `interaction`: authorization, device and federation routes and their error pages
 * - `logout`: end of session, its question and its answer
 * - `machine`: endpoints that programs call
 * - `document`: public JSON that anyone may read (discovery, JWKS)
 * - `asset`: hashed static files
 */
export type RouteKind = 'page' | 'interaction' | 'logout' | 'machine' | 'document' | 'asset';

export interface SecurityHeaderOptions {
  readonly kind: RouteKind;
  /** Whether the issuer is https. */
  readonly https: boolean;
  /**
   * CSP sources forms may lead to besides our own origin, made by `formActionSource`. Chromium applies `form-action`
   * to the redirect that follows the POST, so interaction and logout pages need the app's.
   */
  readonly formActions?: readonly string[] | undefined;
}

export type Headers = Readonly<Record<string, string>>;

/** A year; subdomains belong to the operator, who may add them in a proxy. */
const strictTransport: Headers = { 'Strict-Transport-Security': 'max-age=31536000' };
const noSniff: Headers = { 'X-Content-Type-Options': 'nosniff' };
const noStore: Headers = { 'Cache-Control': 'no-store' };
/** No page asks for anything of the device. Passkeys stay possible, on our own origin only. */
const denied =
  'accelerometer autoplay camera display-capture encrypted-media fullscreen geolocation gyroscope hid ' +
  'identity-credentials-get idle-detection local-fonts magnetometer microphone midi otp-credentials payment ' +
  'picture-in-picture screen-wake-lock serial storage-access usb window-management xr-spatial-tracking';
const permissions: Headers = {
  'Permissions-Policy': [
    ...denied.split(' ').map((feature) => `${feature}=()`),
    'publickey-credentials-get=(self)',
    'publickey-credentials-create=(self)',
  ].join(', '),
};
/** Nothing loads, nothing frames: for answers no browser should ever show. */
const inert = "default-src 'none'; frame-ancestors 'none'";

/** What every page a person sees has in common. Our forms need their Origin, which `no-referrer` would hide. */
const personal: Headers = {
  ...noSniff,
  ...noStore,
  ...permissions,
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Frame-Options': 'DENY',
};
/** Scripts are files of ours, few and small; whatever gets into a page otherwise is text. */
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'";

const fixed: Readonly<Record<RouteKind, Headers>> = {
  // Alone in its browsing context group: no opener reaches the account (cross-window attacks).
  page: { ...personal, 'Cross-Origin-Opener-Policy': 'same-origin' },
  // Popup sign-in lives on the opener, so it is kept here.
  interaction: { ...personal, 'Cross-Origin-Opener-Policy': 'unsafe-none' },
  logout: { ...personal, 'Cross-Origin-Opener-Policy': 'unsafe-none' },
  machine: { ...noSniff, ...noStore, 'Content-Security-Policy': inert },
  document: { ...noSniff, 'Content-Security-Policy': inert, 'Cross-Origin-Resource-Policy': 'cross-origin' },
  asset: { ...noSniff, 'Content-Security-Policy': inert, 'Cross-Origin-Resource-Policy': 'same-origin' },
};
const plain = withPolicy({});
const secure = withPolicy(strictTransport);

/**
 * The headers for one answer. Throws a `TypeError` when a source would end its directive, so that no value from
 * outside can write policy of its own (header and directive injection).
 */
export function securityHeaders(options: SecurityHeaderOptions): Headers {
  const base = (options.https ? secure : plain)[options.kind];
  if (base['Content-Security-Policy'] === inert) return base;
  const { formActions = [] } = options;
  if (formActions.length === 0) return base;
  return { ...base, 'Content-Security-Policy': policy(formActions) };
}

/**
 * The CSP source that lets a form end at this redirect URI: its origin, or its scheme where CSP knows no host source
 * for it (apps' own schemes, IPv6 literals). `undefined` for what is no URL.
 */
export function formActionSource(redirectUri: string): string | undefined {
  const url = URL.parse(redirectUri);
  if (!url) return undefined;
  const hasOrigin = url.protocol === 'https:' || url.protocol === 'http:';
  return hasOrigin && !url.hostname.startsWith('[') ? url.origin : url.protocol;
}

function withPolicy(more: Headers): Readonly<Record<RouteKind, Headers>> {
  const entries = Object.entries(fixed).map(([kind, headers]) => [
    kind,
    Object.freeze({ 'Content-Security-Policy': policy([]), ...headers, ...more }),
  ]);
  return Object.fromEntries(entries) as Readonly<Record<RouteKind, Headers>>;
}

function policy(formActions: readonly string[]): string {
  for (const source of formActions) {
    if (!/^[\x21-\x7e]+$/.test(source) || /[;,]/.test(source)) throw new TypeError('Not a source of a content policy');
  }
  const actions = ["'self'", ...formActions].join(' ');
  return `${pagePolicy}; form-action ${actions}; frame-ancestors 'none'; base-uri 'none'`;
}
