import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright';
import { type Operator, openOperator, type Seed } from '../kit/operator.ts';
import type { Certificate } from '../kit/services/certificate.ts';
import { chromiumOptions, launchBrowser } from '../kit/services/chromium.ts';
import type { PosternOptions } from '../kit/services/process.ts';
import { until } from '../kit/until.ts';

export const ada = { email: 'ada@example.org', password: 'lamp oil for the lighthouse' };
export const bob = { email: 'bob@example.org', password: 'a harbour full of herring' };

export const grace = { email: 'grace@example.org', password: 'a compiler for the navy' };

export const people = {
  users: [
    { ...ada, email_verified: true, claims: { name: 'Ada Lovelace', given_name: 'Ada' } },
    { ...bob, email_verified: true, claims: { name: 'Bob Barnacle' } },
  ],
};

/** The built server, its operator, and a browser in front of it. */
export interface Stage extends Operator {
  readonly browser: Browser;
}

export interface StageOptions extends PosternOptions {
  /** Where names lead that exist only for this browser, as `host:port` → `host:port`. */
  readonly names?: Readonly<Record<string, string>>;
}

/** Starts the built server and Chromium, and applies the seed. */
export async function openStage(seed: Seed = people, { names = {}, ...options }: StageOptions = {}): Promise<Stage> {
  const operator = await openOperator(options);
  const rules = Object.entries(names).map(([from, to]) => `MAP ${from} ${to}`);
  const browser = await launchBrowser({
    args: [...(chromiumOptions().args ?? []), `--host-resolver-rules=${rules.join(', ')}`],
  });
  const apply = async (wanted: Seed): Promise<void> => {
    await operator.apply(wanted);
    await untilKnown(browser, operator.server.url, wanted);
  };
  await apply(seed);
  return {
    ...operator,
    browser,
    apply,
    async close() {
      await browser.close();
      await operator.close();
    },
  };
}

/** What a command changes holds in the server within a second; its last client tells. */
async function untilKnown(browser: Browser, url: string, { clients }: Seed): Promise<void> {
  const last = (clients as { client_id: string; redirect_uris?: string[] }[] | undefined)?.at(-1);
  if (last?.redirect_uris === undefined) return;
  const headers = { accept: 'application/json' };
  const context = await browser.newContext({ ignoreHTTPSErrors: true, extraHTTPHeaders: headers });
  const page = await context.newPage();
  const query = new URLSearchParams({ client_id: last.client_id, response_type: 'none' });
  await until(`${last.client_id} is known`, async () => {
    const answer = await page.goto(`${url}/authorize?${query}`);
    return !(await answer?.text())?.includes('invalid_client');
  });
  await context.close();
}

/** A browser window without any history of the others. */
export async function openWindow(stage: Stage, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await stage.browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  context.setDefaultTimeout(120_000);
  return context.newPage();
}

/** Fills in the sign-in page and sends it. */
export async function signIn(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
  await page.fill('input[name=login]', email);
  await page.fill('input[name=password]', password);
  await page.click('#login-submit');
}

/** Allows what the app asks for, unless the person has allowed it before, and waits for what comes then. */
export async function allowIfAsked(page: Page, isThere: () => Promise<boolean> | boolean): Promise<void> {
  const isAsked = () => page.locator('#consent-allow').isVisible();
  await until('a page that asks, or the one behind it', async () => (await isThere()) || isAsked());
  if (await isThere()) return;
  await page.click('#consent-allow');
  await until('the page behind the question', isThere);
}

/** What the browser holds against the pages it sees. */
export interface Watch {
  readonly complaints: string[];
}

/**
 * Notes policy violations, script errors, and requests that leave the given origins. A page whose status is an error
 * makes Chromium write a line to the console as well: that one is no complaint.
 */
export function watch(context: BrowserContext, origins: readonly string[]): Watch {
  const complaints: string[] = [];
  const complain = (page: Page | null, what: string) => complaints.push(`${page?.url()}: ${what}`);
  context.on('console', (message) => {
    // Hands are quicker than Chromium where they are not a person's: the field has been typed into when its turn comes.
    const isHaste = message.text().startsWith('Autofocus processing was blocked');
    if (!isHaste && !message.text().startsWith('Failed to load resource')) complain(message.page(), message.text());
  });
  context.on('weberror', (error) => complain(error.page(), error.error().message));
  context.on('request', (request) => {
    if (!origins.includes(new URL(request.url()).origin)) complain(null, `asked ${request.url()}`);
  });
  return { complaints };
}

/** An app that only shows what the browser brought it: where sign-ins end. */
export interface Harbour {
  readonly url: string;
  readonly port: number;
  readonly callback: string;
  /** Queries that came to the callback, the newest last. */
  readonly answers: URLSearchParams[];
  close(): Promise<void>;
}

export interface HarbourOptions {
  /** Its address for browsers, when that is not the one it listens on. */
  readonly url: string;
  readonly certificate: Certificate;
}

/** Starts that app, on http at 127.0.0.1 or as it is told. Its home page is where people start again. */
export async function openHarbour(options?: HarbourOptions): Promise<Harbour> {
  const answers: URLSearchParams[] = [];
  const listener: RequestListener = (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/callback') answers.push(searchParams);
    const words = pathname === '/callback' ? [...searchParams.keys()].join(' ') : 'home';
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(
      `<!doctype html><html lang="en"><title>Harbour Books</title><link rel="icon" href="data:,"><p id="harbour">${words}</p>`,
    );
  };
  const server = options ? createSecureServer(readCertificate(options.certificate), listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = options?.url ?? `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    callback: `${url}/callback`,
    answers,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const readCertificate = ({ cert, key }: Certificate) => ({ cert: readFileSync(cert), key: readFileSync(key) });

/** The client of that app as a seed has it. */
export const harbourClient = (harbour: Harbour) => ({
  client_id: 'harbour-books',
  client_name: 'Harbour Books',
  client_uri: `${harbour.url}/`,
  policy_uri: `${harbour.url}/privacy`,
  tos_uri: `${harbour.url}/terms`,
  client_secret: 'a secret of the harbour, thirty-two long',
  redirect_uris: [harbour.callback],
  post_logout_redirect_uris: [`${harbour.url}/`],
  grant_types: ['authorization_code', 'refresh_token'],
});

/** PKCE of RFC 7636 appendix B: nobody attacks a test, and a fixed pair reads better in a failure. */
export const pkce = {
  verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
};

/** The address with which the app sends a browser to sign in. */
export function authorizationUrl(stage: Stage, harbour: Harbour, parameters: Record<string, string> = {}): string {
  const query = new URLSearchParams({
    client_id: 'harbour-books',
    response_type: 'code',
    scope: 'openid profile email',
    redirect_uri: harbour.callback,
    state: 'state-1',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    ...parameters,
  });
  return `${stage.server.url}/authorize?${query}`;
}
