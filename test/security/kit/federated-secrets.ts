import { randomBytes } from 'node:crypto';
import { retrieve, tokenOf } from '../../federation/vault.ts';
import { Browser } from '../../kit/browser.ts';
import type { Seed } from '../../kit/operator.ts';
import { isBack, RelyingApp, redirectUri, send } from '../../kit/relying-app.ts';
import { until } from '../../kit/until.ts';
import { genericOidc } from '../../kit/upstreams/dialects/generic.ts';
import { openUpstream, type Upstream } from '../../kit/upstreams/upstream.ts';
import { hrefOf } from '../../mfa/kit.ts';

/** A server that signs people in by another provider, and who watches. */
export interface Watched {
  readonly url: string;
  readonly apply: (seed: Seed) => Promise<void>;
  /** Watches a secret that was met. */
  readonly plant: (kind: string, value: string | null | undefined) => string;
  /** Notes an answer that is an error. */
  readonly failed: (text: string) => void;
}

const random = (): string => randomBytes(24).toString('base64url');

/** Meets every secret that another provider gives us, or that is made for it. The provider stays up. */
export async function meetFederatedSecrets({ url, apply, plant, failed }: Watched): Promise<Upstream> {
  // Tokens that end within a minute are renewed each time that somebody asks for one.
  const shortLived = { ...genericOidc, accessTokenLifetime: 30 };
  const upstream = await openUpstream(shortLived, { clientSecret: plant('provider client secret', random()) });
  const { issuer, clientId, clientSecret } = upstream;
  const planner = { clientId: 'planner', clientSecret: plant('client secret', random()) };
  const policy = { create: true, tokens: 'keep', logout: 'everywhere' };
  const registered = { client_id: planner.clientId, client_secret: planner.clientSecret, redirect_uris: [redirectUri] };
  await apply({
    providers: [{ name: 'vault', type: 'oidc', issuer, client_id: clientId, client_secret: clientSecret, policy }],
    clients: [{ ...registered, first_party: true, upstream_tokens: ['vault'] }],
  });
  const person = upstream.addPerson({ sub: '1912', name: 'Nora', email: 'nora@up.example', emailVerified: true });
  const app = new RelyingApp(url, planner);
  const asked = (endpoint: string) => upstream.requests.filter((one) => one.endpoint === endpoint);

  const signIn = async (browser: Browser): Promise<string> => {
    const { url: address, verifier } = app.request({ scope: 'openid upstream_tokens:vault' });
    const start = await browser.open(address, isBack);
    const left = await browser.submit(start, 'choose-vault', {}, (to) => to.startsWith(issuer));
    const { searchParams } = new URL(left.url);
    plant('upstream state', searchParams.get('state'));
    plant('nonce', searchParams.get('nonce'));
    for (const { name, value } of browser.cookies()) {
      if (name.startsWith('postern.federation')) plant('attempt cookie', value);
    }
    // By hand, so that the same answer can be brought a second time.
    const back = upstream.answerTo(left.url);
    const again = browser.copy();
    const token = plant('access token', await tokenOf(app, await browser.open(back, isBack), verifier));
    failed((await again.open(back)).text);
    plant('upstream code', new URL(back).searchParams.get('code'));
    plant('upstream code verifier', asked('token').at(-1)?.form.get('code_verifier'));
    plant('upstream access token', asked('userinfo').at(-1)?.headers['authorization']?.slice('Bearer '.length));
    return token;
  };

  const browser = new Browser({ 'sec-fetch-site': 'same-origin' });
  await until('the provider is offered', async () => isOffered(app), 10_000);
  const token = await signIn(browser);
  plant('upstream access token', String((await retrieve(url, token, 'vault')).body['access_token']));
  plant('upstream refresh token', asked('token').at(-1)?.form.get('refresh_token'));
  upstream.nextAnswer('token', { status: 400, body: { error: 'invalid_request', error_description: 'no' } });
  await retrieve(url, token, 'vault');
  failed(JSON.stringify((await retrieve(url, `${token}x`, 'vault')).body));

  const left = await browser.post(`${url}/sign-out`, {});
  plant('upstream id token', new URL(hrefOf(left, 'leaving-go')).searchParams.get('id_token_hint'));
  await signIn(new Browser());
  const logoutToken = plant('upstream logout token', upstream.logoutToken(person));
  for (let time = 0; time < 2; time += 1) {
    const told = { method: 'POST', body: new URLSearchParams({ logout_token: logoutToken }) };
    failed(JSON.stringify((await send(`${url}/federation/vault/backchannel-logout`, told)).body));
  }
  return upstream;
}

const isOffered = async (app: RelyingApp): Promise<boolean> =>
  (await new Browser().open(app.request({ scope: 'openid upstream_tokens:vault' }).url, isBack)).text.includes(
    'choose-vault',
  );
