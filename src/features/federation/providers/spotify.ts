import type { Preset } from './preset.ts';

/**
 * Spotify: https://developer.spotify.com/documentation/web-api/tutorials/code-flow. "The email address is unverified;
 * there is no proof that it actually belongs to the user": https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile
 */
export const spotify: Preset = {
  title: 'Spotify',
  protocol: 'oauth2',
  issuer: 'https://accounts.spotify.com',
  scopes: ['user-read-email', 'user-read-private'],
  endpoints: (issuer) => ({
    authorization: `${issuer}/authorize`,
    token: `${issuer}/api/token`,
    userinfo: issuer === 'https://accounts.spotify.com' ? 'https://api.spotify.com/v1/me' : `${issuer}/v1/me`,
  }),
  authentication: 'client_secret_basic',
  mapping: { sub: 'id', email: 'email', name: 'display_name', picture: 'images[0].url' },
  isEmailVerified: () => false,
};
