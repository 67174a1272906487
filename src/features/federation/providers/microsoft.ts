import { type Json, type Preset, standardMapping } from './preset.ts';

const says = (value: unknown): boolean => value === true || value === 1 || value === '1' || value === 'true';

/**
 * Microsoft Entra ID. The `email` claim can be set by any administrator of any tenant and proves nothing ("nOAuth"),
 * unless `xms_edov` says that the domain's owner was verified.
 * https://learn.microsoft.com/entra/identity-platform/migrate-off-email-claim-authorization
 */
export const microsoft: Preset = {
  title: 'Microsoft',
  protocol: 'oidc',
  issuer: 'https://login.microsoftonline.com',
  scopes: ['openid', 'profile', 'email'],
  // https://learn.microsoft.com/entra/identity-platform/scopes-oidc#the-offline_access-scope
  offline: { scope: 'offline_access' },
  // Its UserInfo is Microsoft Graph's and tells nothing that the ID token does not.
  userInfo: false,
  mapping: standardMapping,
  isEmailVerified: (claims: Json) => says(claims['xms_edov']) || claims['email_verified'] === true,
};
