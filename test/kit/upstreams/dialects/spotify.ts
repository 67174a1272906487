import { asked, known } from '../claims.ts';
import type { Dialect } from '../dialect.ts';

/**
 * Spotify, by https://developer.spotify.com/documentation/web-api/tutorials/code-flow, …/refreshing-tokens and
 * https://developer.spotify.com/documentation/web-api/concepts/api-calls. No OpenID Connect at all.
 */
export const spotify: Dialect = {
  paths: { authorization: '/authorize', token: '/api/token', userinfo: '/v1/me' },
  grantsRefresh: () => true,
  // "Depending on the grant … the refresh token might not be returned": the old one then goes on.
  rotatesRefresh: false,
  // "Authentication error object" of the token endpoint: `error` and `error_description`; a revoked refresh token has no
  // description (https://developer.spotify.com/community/news/2016/07/25/app-ready-token-revoke/).
  tokenError: ({ code, message, status }) => ({
    status: status === 401 ? 400 : status,
    body: message.startsWith('Token has been') ? { error: code } : { error: code, error_description: message },
  }),
  // "Regular error object" of the API: an object below `error`, which is not OAuth's text.
  badToken: { body: { error: { status: 401, message: 'The access token expired' } } },
  profile: (grant) => {
    const { person } = grant;
    return known(
      {
        id: person.sub,
        display_name: person.name ?? null,
        uri: `spotify:user:${person.sub}`,
        type: 'user',
        images: person.picture === undefined ? [] : [{ url: person.picture, height: 64, width: 64 }],
        // "Important! This email address is unverified; there is no proof that it actually belongs to the user."
        // (https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile)
        ...(asked(grant, 'user-read-email') ? { email: person.email } : {}),
      },
      person,
    );
  },
};
