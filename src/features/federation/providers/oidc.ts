import { type Preset, standardMapping } from './preset.ts';

/** Any provider that speaks OpenID Connect and publishes its metadata (OpenID Connect Discovery §4). */
export const oidc: Preset = {
  title: 'OpenID Connect',
  protocol: 'oidc',
  scopes: ['openid', 'profile', 'email'],
  userInfo: true,
  mapping: standardMapping,
};
