import { type Preset, standardMapping } from './preset.ts';

/** Any provider that speaks OpenID Connect and publishes its metadata (OpenID Connect Discovery §4). */
export const oidc: Preset = {
  title: 'OpenID Connect',
  protocol: 'oidc',
  scopes: ['openid', 'profile', 'email'],
  // OpenID Connect Core §11: without `prompt=consent` it is to be ignored.
  offline: { scope: 'offline_access', asksConsent: true },
  userInfo: true,
  mapping: standardMapping,
};
