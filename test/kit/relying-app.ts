import { createHash, randomBytes } from 'node:crypto';
import { Browser, type Page } from './browser.ts';
import type { Product, TestUser } from './product.ts';

/** Where codes are sent; nothing listens there, the browser stops before. */
export const redirectUri = 'https://app.example/callback';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // What an endpoint answered, as each test knows it.
  readonly body: Record<string, unknown>;
}

export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A relying app written by hand: it sends what it is told to, right or wrong. */
export class RelyingApp {
  readonly #url: string;
  readonly credentials: Credentials;

  constructor(url: string, credentials: Credentials) {
    this.#url = url;
    this.credentials = credentials;
  }

  /** The authorization request as an address, with its PKCE verifier. */
  request(parameters: Record<string, string> = {}): { url: string; verifier: string } {
    const verifier = randomBytes(32).toString('base64url');
    const query = new URLSearchParams({
      client_id: this.credentials.clientId,
      response_type: 'code',
      scope: 'openid',
      redirect_uri: redirectUri,
      state: 'state-1',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...parameters,
    });
    return { url: `${this.#url}/authorize?${query}`, verifier };
  }

  /** Signs in through the pages and returns what came back to the app. */
  async signIn(
    user: Pick<TestUser, 'email' | 'password'>,
    { browser = new Browser(), parameters = {} }: { browser?: Browser; parameters?: Record<string, string> } = {},
  ): Promise<{ answer: URLSearchParams; verifier: string; browser: Browser }> {
    const { url, verifier } = this.request(parameters);
    const page = await walk(browser, await browser.open(url, isBack), user);
    if (!isBack(page.url)) throw new Error(`the sign-in stopped at ${page.url} (${page.status}):\n${page.text}`);
    return { answer: new URL(page.url).searchParams, verifier, browser };
  }

  /** A whole sign-in with its token response. */
  async tokens(
    user: Pick<TestUser, 'email' | 'password'>,
    parameters: Record<string, string> = {},
  ): Promise<Answer & { browser: Browser }> {
    const { answer, verifier, browser } = await this.signIn(user, { parameters });
    const exchanged = await this.exchange(answer.get('code') ?? '', verifier);
    return { ...exchanged, browser };
  }

  exchange(code: string, verifier: string, more: Record<string, string> = {}): Promise<Answer> {
    return this.token({
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
      ...more,
    });
  }

  refresh(refreshToken: unknown, more: Record<string, string> = {}): Promise<Answer> {
    return this.token({ grant_type: 'refresh_token', refresh_token: String(refreshToken), ...more });
  }

  token(form: Record<string, string>): Promise<Answer> {
    return this.post('/token', form);
  }

  introspect(token: unknown): Promise<Answer> {
    return this.post('/introspect', { token: String(token) });
  }

  revoke(token: unknown): Promise<Answer> {
    return this.post('/revoke', { token: String(token) });
  }

  /** Posts a form as this client, by `client_secret_basic` or, without a secret, by its id alone. */
  post(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
    const { clientId, clientSecret } = this.credentials;
    const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64');
    return send(this.#url + path, {
      method: 'POST',
      headers: { ...headers, ...(clientSecret === '' ? {} : { authorization: `Basic ${basic}` }) },
      body: new URLSearchParams(clientSecret === '' ? { client_id: clientId, ...form } : form),
    });
  }

  userinfo(token: unknown): Promise<Answer> {
    return send(`${this.#url}/userinfo`, { headers: { authorization: `Bearer ${String(token)}` } });
  }
}

/** Whether the address is the app's. */
export const isBack = (url: string): boolean => url.startsWith(redirectUri);

/** Answers sign-in and consent pages until the app is reached or another page appears. */
export async function walk(browser: Browser, first: Page, user: Pick<TestUser, 'email' | 'password'>): Promise<Page> {
  let page = first;
  for (let step = 0; step < 4 && !isBack(page.url); step += 1) {
    if (page.text.includes('id="login-submit"') && page.status === 200) {
      page = await browser.submit(page, 'login-submit', { login: user.email, password: user.password }, isBack);
    } else if (page.text.includes('id="consent-allow"')) {
      page = await browser.submit(page, 'consent-allow', {}, isBack);
    } else return page;
  }
  return page;
}

/** One request with whatever it answers, parsed when it is JSON. */
export async function send(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parsed(text) };
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { text };
  }
}

/** A confidential app with refresh tokens on this product. */
export async function addWebApp(product: Product, more: object = {}): Promise<RelyingApp> {
  const credentials = await product.addClient({
    client_name: 'Harbour Books',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    ...more,
  });
  return new RelyingApp(product.url, credentials);
}
