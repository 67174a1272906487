import { type Preset, standardMapping } from './preset.ts';

/** GitLab, on gitlab.com or an installation of one's own: https://docs.gitlab.com/integration/openid_connect_provider/ */
export const gitlab: Preset = {
  title: 'GitLab',
  protocol: 'oidc',
  issuer: 'https://gitlab.com',
  scopes: ['openid', 'profile', 'email'],
  userInfo: true,
  mapping: standardMapping,
};
