import { join } from 'node:path';
import type { Browser, Page } from '../browser.ts';
import { cleanEnvironment, debianFile, startChild, untilReady } from './child.ts';
import { freePort } from './free-port.ts';

const version = '26.7.3';
const program = join(import.meta.dirname, `../../../.cache/keycloak/keycloak-${version}/bin/kc.sh`);
const admin = { username: 'admin', password: 'only for this test run' };
const realm = 'harbour';

export interface KeycloakOptions {
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  /** Where it tells that somebody's session there has ended. */
  readonly backchannelLogoutUri?: string;
  readonly people: readonly {
    readonly username: string;
    readonly password: string;
    readonly email: string;
    readonly firstName: string;
    readonly lastName: string;
  }[];
}

export interface Keycloak {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Signs with another key from now on; the former stays published. */
  rotateKey(): Promise<void>;
  /** Ends every session of the person, as an administrator does, and tells its clients. */
  signOut(username: string): Promise<void>;
  /** Takes back what the person has allowed the client, offline sessions too, as they do in their account there. */
  forgetGrants(username: string): Promise<void>;
  stop(): Promise<void>;
}

/** Keycloak's distribution as it comes, with its database in memory. The first start takes minutes, as it builds itself. */
export async function startKeycloak(options: KeycloakOptions): Promise<Keycloak> {
  debianFile([program], `maven default-jre-headless, which npm run test:long does, with Keycloak ${version}`);
  const port = await freePort();
  const root = `http://127.0.0.1:${port}`;
  const env = {
    ...cleanEnvironment(),
    KC_BOOTSTRAP_ADMIN_USERNAME: admin.username,
    KC_BOOTSTRAP_ADMIN_PASSWORD: admin.password,
    JAVA_OPTS_KC_HEAP: '-Xms128m -Xmx512m',
  };
  const args = ['start-dev', '--http-host=127.0.0.1', `--http-port=${port}`, '--db=dev-mem', '--cache=local'];
  const server = startChild(program, args, { env });
  const answers = () => fetch(`${root}/realms/master`).then(({ ok }) => ok);
  await untilReady(server, answers, { what: 'Keycloak', within: 600_000 });
  const [clientId, clientSecret] = ['postern', 'aSecretThatKeycloakHasMadeUpForTheTests'];
  const call = administrator(root);
  const personAt = async (username: string): Promise<string> => {
    const people = `/admin/realms/${realm}/users`;
    const found = (await call('GET', `${people}?exact=true&username=${username}`)) as { id: string }[];
    return `${people}/${found[0]?.id}`;
  };
  await call('POST', '/admin/realms', realmOf(options, { clientId, clientSecret }));
  await warmUp(`${root}/realms/${realm}`);
  return {
    issuer: `${root}/realms/${realm}`,
    clientId,
    clientSecret,
    rotateKey: async () => {
      const config = { priority: ['1000'], keySize: ['2048'], algorithm: ['RS256'] };
      const component = {
        name: `rsa-${Date.now()}`,
        providerId: 'rsa-generated',
        providerType: 'org.keycloak.keys.KeyProvider',
      };
      await call('POST', `/admin/realms/${realm}/components`, { ...component, config });
    },
    signOut: async (username) => void (await call('POST', `${await personAt(username)}/logout`)),
    forgetGrants: async (username) => void (await call('DELETE', `${await personAt(username)}/consents/${clientId}`)),
    stop: async () => void (await server.stop('SIGTERM')),
  };
}

/** The first answers of a program in Java take longer than a person is made to wait for a provider. */
async function warmUp(issuer: string): Promise<void> {
  await fetch(`${issuer}/.well-known/openid-configuration`);
  await fetch(`${issuer}/protocol/openid-connect/certs`);
  await fetch(`${issuer}/protocol/openid-connect/auth?client_id=nobody`);
  await fetch(`${issuer}/protocol/openid-connect/token`, { method: 'POST', body: new URLSearchParams() });
}

/** Fills in Keycloak's own sign-in page, whose button is an `input`, and follows where it leads. */
export async function signInAtKeycloak(
  browser: Browser,
  page: Page,
  { username, password }: { username: string; password: string },
  until: (url: string) => boolean,
): Promise<Page> {
  const action = /<form[^>]*id="kc-form-login"[^>]*action="([^"]*)"/.exec(page.text)?.[1];
  if (action === undefined)
    throw new Error(`not Keycloak's sign-in page but ${page.url}:\n${page.text.slice(0, 2000)}`);
  const answer = await browser.post(action.replaceAll('&amp;', '&'), { username, password, credentialId: '' });
  const location = answer.headers.get('location');
  if (location === null) throw new Error(`Keycloak did not let ${username} in`);
  return until(location) ? { ...answer, url: location } : browser.open(location, until);
}

/** Calls of the administrator, each with a token of its own: they hold for a minute. */
const administrator =
  (root: string) =>
  async (method: string, path: string, body?: object): Promise<unknown> => {
    const grant = new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', ...admin });
    const answer = await fetch(`${root}/realms/master/protocol/openid-connect/token`, { method: 'POST', body: grant });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const response = await fetch(root + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    const text = await response.text();
    return text === '' ? undefined : JSON.parse(text);
  };

function realmOf(
  options: KeycloakOptions,
  { clientId, clientSecret }: { clientId: string; clientSecret: string },
): object {
  const attributes = {
    'post.logout.redirect.uris': (options.postLogoutRedirectUris ?? []).join('##'),
    'pkce.code.challenge.method': 'S256',
    ...(options.backchannelLogoutUri === undefined
      ? {}
      : { 'backchannel.logout.url': options.backchannelLogoutUri, 'backchannel.logout.session.required': 'true' }),
  };
  return {
    realm,
    enabled: true,
    sslRequired: 'none',
    clients: [
      {
        clientId,
        secret: clientSecret,
        protocol: 'openid-connect',
        standardFlowEnabled: true,
        redirectUris: options.redirectUris,
        attributes,
      },
    ],
    users: options.people.map(({ password, ...person }) => ({
      ...person,
      enabled: true,
      emailVerified: true,
      // People who are imported have no roles of their own accord, and so may have no offline tokens.
      realmRoles: [`default-roles-${realm}`],
      credentials: [{ type: 'password', value: password, temporary: false }],
    })),
  };
}
