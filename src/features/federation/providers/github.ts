import type { Json, Preset, ReadApi, Requirements } from './preset.ts';

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;
const list = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** The primary address, where GitHub has verified it: https://docs.github.com/rest/users/emails */
async function primaryAddress(read: ReadApi, api: string): Promise<Json> {
  const primary = list(await read(`${api}/emails`)).find((one) => one['primary'] === true);
  return { email: primary?.['email'], email_verified: primary?.['verified'] === true };
}

/** Whose member the person is, as far as it is asked for. One page of a hundred: GitHub shows no more at once. */
async function memberships(read: ReadApi, api: string, { organizations, teams }: Requirements): Promise<Json> {
  const orgs = organizations ? list(await read(`${api}/orgs?per_page=100`)) : [];
  const groups = teams ? list(await read(`${api}/teams?per_page=100`)) : [];
  return {
    organizations: orgs.map(({ login }) => login),
    teams: groups.map(({ slug, organization }) => `${String((organization as Json)['login'])}/${String(slug)}`),
  };
}

/** GitHub and GitHub Enterprise Server: https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps */
export const github: Preset = {
  title: 'GitHub',
  protocol: 'oauth2',
  issuer: 'https://github.com',
  scopes: ['read:user', 'user:email'],
  scopesFor: ({ organizations, teams }) => (organizations || teams ? ['read:org'] : []),
  endpoints: (issuer) => ({
    authorization: `${issuer}/login/oauth/authorize`,
    token: `${issuer}/login/oauth/access_token`,
    // Enterprise Server: https://docs.github.com/enterprise-server/rest/quickstart
    userinfo: issuer === 'https://github.com' ? 'https://api.github.com/user' : `${issuer}/api/v3/user`,
  }),
  authentication: 'client_secret_post',
  mapping: {
    sub: 'id',
    email: 'email',
    email_verified: 'email_verified',
    name: 'name',
    preferred_username: 'login',
    picture: 'avatar_url',
    profile: 'html_url',
  },
  // The profile's own `email` is what its person wants shown; only the list of addresses says what is verified.
  readMore: async (read, userinfo, require) => ({
    ...(await primaryAddress(read, userinfo)),
    ...(await memberships(read, userinfo, require)),
  }),
};
