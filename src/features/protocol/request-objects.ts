import { type Client, type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import type { RefreshClientKeys } from './client-keys.ts';
import { isFapi, objectProblem } from './fapi.ts';

type RequestObjects = NonNullable<NonNullable<Configuration['features']>['requestObjects']>;
type Claims = Readonly<Record<string, unknown>>;

interface Parts {
  readonly refreshKeys: RefreshClientKeys;
  readonly clock: Clock;
}

/** RFC 9101 §10.8: whatever else a client signs with its key is no request. */
const types: readonly unknown[] = [undefined, 'JWT', 'oauth-authz-req+jwt'];

/**
 * Signed, and by choice encrypted, requests (JAR, RFC 9101): what they ask for cannot be changed on the way through the
 * browser. The library checks signature, issuer, audience and times; what it leaves open is closed here.
 */
export function requestObjects({ refreshKeys, clock }: Parts): RequestObjects {
  return {
    enabled: true,
    async assertJwtClaimsAndHeader(ctx, claims, header, client) {
      // What was pushed is made or was checked by us.
      if (ctx.oidc.entities.PushedAuthorizationRequest !== undefined) return;
      const ofProfile = isFapi(client) ? objectProblem(claims as Claims, header['alg'], clock) : undefined;
      const problem = problemOf(ctx, claims as Claims, { client, type: header['typ'] }) ?? ofProfile;
      if (problem !== undefined) throw refused(problem);
      const { kid } = header;
      await refreshKeys(client, typeof kid === 'string' ? { kid } : {});
    },
  };
}

function refused(description: string): Error {
  return new errors.InvalidRequestObject(description);
}

function problemOf(
  { oidc }: KoaContextWithOIDC,
  claims: Claims,
  { client, type }: { readonly client: Client; readonly type: unknown },
): string | undefined {
  if (oidc.route === 'backchannel_authentication') return 'Request Object is not taken here: send its parameters';
  if (!types.includes(type)) return 'the type of this JWT is not that of a Request Object';
  // RFC 9101 §5: both MUST be identical; without it the object could be any that the client has signed.
  if (claims['client_id'] !== client.clientId) return 'Request Object must name its client_id';
  // §10.8: a JWT that is about the client is the proof of who it is (RFC 7523), and would serve as both.
  if (claims['sub'] === client.clientId) return 'Request Object must not be a client assertion';
  const isPushed = oidc.route === 'pushed_authorization_request';
  if (isPushed && claims['jti'] !== undefined && claims['exp'] === undefined) {
    return "Request Object with a 'jti' needs an 'exp': it is remembered until then";
  }
  return undefined;
}
