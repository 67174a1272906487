import type Provider from 'oidc-provider';
import type { AccessToken, Grant } from 'oidc-provider';

/** The grant behind an access token, unless it has ended or is not the token's: as the library asks for it. */
export async function standingGrant({ Grant }: Provider, token: AccessToken): Promise<Grant | undefined> {
  const grant = await Grant.find(token.grantId, { ignoreExpiration: true });
  const stands = grant && !grant.isExpired && grant.clientId === token.clientId && grant.accountId === token.accountId;
  return stands ? grant : undefined;
}
