import { type Preset, standardMapping } from './preset.ts';

/** Google: https://developers.google.com/identity/openid-connect/openid-connect */
export const google: Preset = {
  title: 'Google',
  protocol: 'oidc',
  issuer: 'https://accounts.google.com',
  scopes: ['openid', 'profile', 'email'],
  // It refuses `login`: https://developers.google.com/identity/openid-connect/reference#authentication-uri-parameters
  prompts: ['none', 'consent', 'select_account'],
  // "auth_time", for apps that are verified and have "Session age claims" switched on; it is left out for all others:
  // https://developers.google.com/identity/siwg/security-bundle
  sayingWhen: { claims: '{"id_token":{"auth_time":{"essential":true}}}' },
  // It knows no `offline_access`, and gives a refresh token to somebody who has agreed before only when asked anew:
  // https://developers.google.com/identity/protocols/oauth2/web-server#offline
  offline: { parameters: { access_type: 'offline' }, asksConsent: true },
  userInfo: true,
  mapping: standardMapping,
};
