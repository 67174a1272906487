import type { Call, Dialect, Handler, Person, Reply } from '../dialect.ts';
import type { Grant } from '../provider.ts';
import { withBearer } from '../standard.ts';

/** Names of GitHub's own errors: https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors */
const errors: Readonly<Record<string, string>> = {
  invalid_client: 'incorrect_client_credentials',
  invalid_grant: 'bad_verification_code',
};

/**
 * "By default, the response takes the following form: access_token=…&scope=…&token_type=bearer. You can also receive the
 * response in different formats if you provide the format in the Accept header"
 * (https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps). Errors come with status 200, too.
 */
function reply(call: Call, content: Record<string, string>): Reply {
  if (call.headers['accept']?.includes('application/json')) return { body: content };
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  return { headers, body: new URLSearchParams(content).toString() };
}

/** https://docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent: refused without one. */
const api =
  (scopes: readonly string[], answer: (grant: Grant, call: Call) => Reply): Handler =>
  (call, provider) => {
    if (call.headers['user-agent'] === undefined)
      return { status: 403, body: 'Please make sure your request has a User-Agent header' };
    return withBearer(call, provider, (grant) => {
      const granted = grant.request.get('scope')?.split(/[ ,]/) ?? [];
      const isGranted = scopes.length === 0 || scopes.some((scope) => granted.includes(scope));
      // What a token may not see is not there (https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#404-not-found-for-an-existing-resource).
      return isGranted ? answer(grant, call) : { status: 404, body: { message: 'Not Found' } };
    });
  };

/** https://docs.github.com/rest/users/users#get-the-authenticated-user: `email` is what the profile shows, null by default. */
function profile({ person }: Grant): Record<string, unknown> {
  const { sub, name, username, picture, more } = person;
  return {
    id: Number(sub),
    login: username,
    name: name ?? null,
    email: null,
    avatar_url: picture,
    type: 'User',
    ...more,
  };
}

/** https://docs.github.com/rest/users/emails#list-email-addresses-for-the-authenticated-user */
const emails = ({ email, emailVerified, emails: given }: Person): unknown[] =>
  (given ?? (email === undefined ? [] : [{ email, primary: true, verified: emailVerified ?? false }])).map((one) => ({
    ...one,
    visibility: one.primary ? 'private' : null,
  }));

/** https://docs.github.com/rest/orgs/orgs#list-organizations-for-the-authenticated-user: nobody who was only invited. */
const orgs = ({ organisations = [] }: Person): unknown[] =>
  organisations.filter(({ state = 'active' }) => state === 'active').map(({ login }) => ({ login, id: login.length }));

/** https://docs.github.com/rest/teams/teams#list-teams-for-the-authenticated-user */
const teams = ({ organisations = [] }: Person): unknown[] =>
  organisations.flatMap(({ login, teams: slugs = [] }) =>
    slugs.map((slug) => ({ slug, name: slug, organization: { login } })),
  );

/** Pages of `per_page`, 30 unless asked otherwise (https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api). */
function paged(call: Call, all: readonly unknown[]): Reply {
  const query = call.url.searchParams;
  const size = Math.min(100, Number(query.get('per_page') ?? 30));
  const number = Number(query.get('page') ?? 1);
  const next = new URL(call.url);
  next.searchParams.set('page', String(number + 1));
  const headers = number * size < all.length ? { link: `<${next.href}>; rel="next"` } : {};
  return { headers, body: all.slice((number - 1) * size, number * size) };
}

const dialect = (web: string, rest: string): Dialect => ({
  paths: {
    authorization: `${web}/login/oauth/authorize`,
    token: `${web}/login/oauth/access_token`,
    userinfo: `${rest}/user`,
    emails: `${rest}/user/emails`,
    orgs: `${rest}/user/orgs`,
    teams: `${rest}/user/teams`,
    revocation: `${rest}/applications/:client_id/token`,
  },
  handlers: {
    userinfo: api([], (grant) => ({ body: profile(grant) })),
    emails: api(['user', 'user:email'], ({ person }, call) => paged(call, emails(person))),
    orgs: api(['user', 'read:org', 'admin:org'], ({ person }, call) => paged(call, orgs(person))),
    teams: api(['read:org', 'admin:org', 'repo', 'user'], ({ person }, call) => paged(call, teams(person))),
    // https://docs.github.com/rest/apps/oauth-applications#delete-an-app-token: DELETE with JSON and the client's secret.
    revocation: ({ method, headers, body }, provider) => {
      const secret = Buffer.from(`${provider.options.clientId}:${provider.options.clientSecret}`).toString('base64');
      if (method !== 'DELETE' || headers['authorization'] !== `Basic ${secret}`) return { status: 404, body: {} };
      const { access_token: given = '' } = JSON.parse(body) as { access_token?: string };
      return { status: provider.revoke(given) ? 204 : 422 };
    },
  },
  // Tokens of an OAuth app do not expire and cannot be refreshed; "scope" is separated by commas
  // (https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#response).
  tokenReply: ({ access_token: accessToken, scope }, call) =>
    reply(call, {
      access_token: String(accessToken),
      scope: typeof scope === 'string' ? scope.replaceAll(' ', ',') : '',
      token_type: 'bearer',
    }),
  accessTokenLifetime: 10 * 365 * 86_400,
  // Status 200, and names of its own: see `errors` and `reply`.
  tokenError: ({ code, message }, call) => reply(call, { error: errors[code] ?? code, error_description: message }),
  // https://docs.github.com/rest/authentication/authenticating-to-the-rest-api#failed-login-limit
  badToken: { body: { message: 'Bad credentials', documentation_url: 'https://docs.github.com/rest' } },
});

/** GitHub, as the OAuth 2.0 provider that it is: no discovery, no ID token, no nonce. */
export const github = dialect('', '');

/** GitHub Enterprise Server has the API below `/api/v3` of the same host: https://docs.github.com/enterprise-server/rest/enterprise-admin#endpoint-urls */
export const githubEnterpriseServer = dialect('', '/api/v3');
