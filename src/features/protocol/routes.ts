/** Where the protocol's endpoints are. Clients find them through discovery; only people see these. */
export const routes = {
  authorization: '/authorize',
  token: '/token',
  userinfo: '/userinfo',
  jwks: '/jwks',
  introspection: '/introspect',
  revocation: '/revoke',
  end_session: '/logout',
  code_verification: '/device',
  device_authorization: '/device/authorize',
  pushed_authorization_request: '/par',
  backchannel_authentication: '/ciba',
} as const;

/** The client that our own pages sign people in with. It lives in code, not in the database, and gets no tokens. */
export const houseClientId = 'postern';

/** Documents that anyone may read and that change only when the engine does. */
export const publicDocuments: ReadonlySet<string> = new Set([
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  routes.jwks,
]);

/** Endpoints that programs call: the shortest chain, JSON errors, no cookies. */
export const machineEndpoints: ReadonlySet<string> = new Set([
  routes.token,
  routes.userinfo,
  routes.introspection,
  routes.revocation,
  routes.device_authorization,
  routes.pushed_authorization_request,
  routes.backchannel_authentication,
]);

const pageMethods: readonly string[] = ['GET', 'HEAD', 'POST'];
const methods: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...[...publicDocuments].map((path) => [path, ['GET', 'HEAD']] as const),
  ...[...machineEndpoints].map((path) => [path, ['POST']] as const),
  // OpenID Connect Core §5.3.1.
  [routes.userinfo, ['GET', 'POST']],
  [routes.authorization, pageMethods],
  [routes.code_verification, pageMethods],
  [routes.end_session, pageMethods],
  [`${routes.end_session}/confirm`, ['POST']],
]);

/** The methods that a protocol path takes, preflights apart; undefined for paths that are not fixed. */
export const methodsOf = (path: string): readonly string[] | undefined => methods.get(path);

const pageRoots = [routes.authorization, routes.end_session, routes.code_verification];

/** Whether the library answers this path. */
export function isProtocolPath(path: string): boolean {
  if (publicDocuments.has(path) || machineEndpoints.has(path)) return true;
  return pageRoots.some((root) => path === root || path.startsWith(`${root}/`));
}
