import { decodeJwt } from 'jose';
import { type Client, type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type Clock, epochSeconds } from '../../foundation/clock.ts';
import { fapiAlgorithms } from '../clients/module.ts';

type Claims = Readonly<Record<string, unknown>>;
type DPoP = NonNullable<NonNullable<Configuration['features']>['dPoP']>;

/** §5.3.2.1 no. 13: clocks may be that far ahead, in seconds; some are. */
const clockTolerance = 10;
/** A JWT from further ahead was not made now. */
const furthestAhead = 60;
/** FAPI 2.0 Message Signing §5.3.1: how long a request object is good, and how old it may be. */
const longestObject = 3600;
/** §5.3.2.1 no. 11. */
export const longestCode = 60;

/** Whether a client follows the FAPI 2.0 Security Profile (`profile: fapi2`). */
export const isFapi = (client: object | undefined): boolean =>
  (client as { readonly profile?: unknown } | undefined)?.profile === 'fapi2';

const isAhead = (claims: Claims, clock: Clock): boolean =>
  [claims['iat'], claims['nbf']].some((time) => Number(time ?? 0) > epochSeconds(clock) + furthestAhead);

const isTaken = (alg: unknown): boolean => fapiAlgorithms.includes(String(alg));

/**
 * The FAPI 2.0 Security Profile, client by client: what the library and the registration of the client (clients/fapi.ts)
 * do not refuse already.
 */
export const fapi = (clock: Clock) =>
  ({
    clockTolerance,
    // §5.3.2.1 no. 9: an answer that got lost must not cost a bank's customer the sign-in; the tokens are bound to a key.
    rotateRefreshToken: (ctx) => !isFapi(ctx.oidc.client),
    async assertJwtClientAuthClaimsAndHeader(ctx, claims, header, client) {
      if (!isFapi(client)) return;
      // No. 8: the issuer, as a text: an assertion for several could be used by one of them at another.
      if (claims['aud'] !== ctx.oidc.issuer) {
        throw new errors.InvalidClientAuth('audience (aud) must equal the issuer identifier url');
      }
      if (!isTaken(header['alg'])) throw new errors.InvalidClientAuth('this algorithm is not taken');
      if (isAhead(claims, clock)) throw new errors.InvalidClientAuth('the assertion is from the future');
    },
  }) satisfies Partial<Configuration>;

export const fapiFeature = {
  enabled: true,
  profile: (_ctx: KoaContextWithOIDC, client: Client) => (isFapi(client) ? '2.0' : undefined),
} as const;

/** Refuses a DPoP proof from the future before the library looks at its nonce, which would make up for its time. */
export const refuseProofsAhead =
  (clock: Clock): NonNullable<DPoP['requireNonce']> =>
  (ctx) => {
    if (isFapi(ctx.oidc.client) && isAhead(decodeJwt(ctx.get('DPoP')), clock)) {
      throw new errors.InvalidDpopProof('DPoP proof is from the future');
    }
    return false;
  };

/** What is wrong with a request object of such a client (FAPI 2.0 Message Signing §5.3.1), if anything is. */
export function objectProblem(claims: Claims, alg: unknown, clock: Clock): string | undefined {
  const { nbf, exp } = claims;
  if (!isTaken(alg)) return 'this algorithm is not taken';
  if (typeof nbf !== 'number' || typeof exp !== 'number') return "Request Object needs 'nbf' and 'exp'";
  if (exp - nbf > longestObject) return 'Request Object is good for too long';
  if (nbf < epochSeconds(clock) - longestObject) return 'Request Object is too old';
  return isAhead(claims, clock) ? 'Request Object is from the future' : undefined;
}
