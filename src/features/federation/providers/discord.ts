import type { Preset } from './preset.ts';

/** Discord: https://discord.com/developers/docs/topics/oauth2, https://discord.com/developers/docs/resources/user */
export const discord: Preset = {
  title: 'Discord',
  protocol: 'oauth2',
  issuer: 'https://discord.com',
  scopes: ['identify', 'email'],
  endpoints: (issuer) => ({
    authorization: `${issuer}/oauth2/authorize`,
    token: `${issuer}/api/oauth2/token`,
    userinfo: `${issuer}/api/users/@me`,
    revocation: `${issuer}/api/oauth2/token/revoke`,
  }),
  authentication: 'client_secret_basic',
  mapping: {
    sub: 'id',
    email: 'email',
    email_verified: 'verified',
    name: 'global_name',
    preferred_username: 'username',
    locale: 'locale',
  },
};
