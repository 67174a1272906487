import { type Preset, standardMapping } from './preset.ts';

/** Google: https://developers.google.com/identity/openid-connect/openid-connect */
export const google: Preset = {
  title: 'Google',
  protocol: 'oidc',
  issuer: 'https://accounts.google.com',
  scopes: ['openid', 'profile', 'email'],
  // It refuses `login`: https://developers.google.com/identity/openid-connect/reference#authentication-uri-parameters
  prompts: ['none', 'consent', 'select_account'],
  userInfo: true,
  mapping: standardMapping,
};
