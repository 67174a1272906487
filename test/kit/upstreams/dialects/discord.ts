import { asked, known } from '../claims.ts';
import type { Dialect } from '../dialect.ts';
import { hasSecret, OAuthError } from '../provider.ts';

/** Discord, by https://discord.com/developers/docs/topics/oauth2 and https://discord.com/developers/docs/resources/user. */
export const discord: Dialect = {
  paths: {
    authorization: '/oauth2/authorize',
    token: '/api/oauth2/token',
    userinfo: '/api/users/@me',
    revocation: '/api/oauth2/token/revoke',
  },
  // "The token and token revocation URLs will only accept a content type of application/x-www-form-urlencoded."
  provesClient: (call, { options }) => {
    if (!call.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
      throw new OAuthError('invalid_request', 'Content type "application/json" is not permitted.');
    }
    return hasSecret(call, options);
  },
  // "prompt" knows consent and none only.
  refuses: (request) => (['consent', 'none', null].includes(request.get('prompt')) ? undefined : 'invalid_request'),
  grantsRefresh: () => true,
  rotatesRefresh: true,
  accessTokenLifetime: 604_800,
  // A user object: `id` is a snowflake as text, `verified` is said of the e-mail, which only the scope `email` shows.
  profile: (grant) => {
    const { person } = grant;
    return known(
      {
        id: person.sub,
        username: person.username,
        global_name: person.name ?? null,
        discriminator: '0',
        avatar: person.picture ?? null,
        mfa_enabled: person.amr?.includes('mfa') ?? false,
        locale: 'en-GB',
        ...(asked(grant, 'email') ? { email: person.email ?? null, verified: person.emailVerified ?? false } : {}),
      },
      person,
    );
  },
  // Error messages: https://discord.com/developers/docs/reference#error-messages
  badToken: { body: { message: '401: Unauthorized', code: 0 } },
};
