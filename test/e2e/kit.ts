import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright';
import { launchBrowser } from '../kit/services/chromium.ts';
import { type Outcome, type Postern, type PosternOptions, runCommand, startPostern } from '../kit/services/process.ts';

export const ada = { email: 'ada@example.org', password: 'lamp oil for the lighthouse' };
export const bob = { email: 'bob@example.org', password: 'a harbour full of herring' };

/** What `postern apply` takes; checked by the product, not here. */
export type Seed = Readonly<Record<string, unknown>>;

export const people = {
  users: [
    { ...ada, email_verified: true, claims: { name: 'Ada Lovelace', given_name: 'Ada' } },
    { ...bob, email_verified: true, claims: { name: 'Bob Barnacle' } },
  ],
};

/** The built server with a browser in front of it. */
export interface Stage {
  readonly server: Postern;
  readonly browser: Browser;
  /** Runs an operator command beside the running server. Throws what it wrote when it fails. */
  command(...args: string[]): Promise<Outcome>;
  /** Brings the server to what the seed says, while it runs. */
  apply(seed: Seed): Promise<void>;
  close(): Promise<void>;
}

/** Starts the built server and Chromium, and applies the seed. */
export async function openStage(seed: Seed = people, options: PosternOptions = {}): Promise<Stage> {
  const server = await startPostern(options);
  const scratch = mkdtempSync(join(tmpdir(), 'postern-e2e-'));
  const browser = await launchBrowser();
  const command = async (...args: string[]): Promise<Outcome> => {
    const outcome = await runCommand(args, { env: server.env });
    if (outcome.code !== 0) throw new Error(`postern ${args.join(' ')} ended with ${outcome.code}:\n${outcome.stderr}`);
    return outcome;
  };
  const apply = async (wanted: Seed): Promise<void> => {
    const file = join(scratch, 'seed.json');
    writeFileSync(file, JSON.stringify(wanted));
    await command('apply', '-f', file);
    await untilKnown(server.url, wanted);
  };
  await apply(seed);
  return {
    server,
    browser,
    command,
    apply,
    async close() {
      await browser.close();
      await server.stop();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** What a command changes holds in the server within a second; its last client tells. */
async function untilKnown(url: string, { clients }: Seed): Promise<void> {
  const last = (clients as { client_id: string; redirect_uris?: string[] }[] | undefined)?.at(-1);
  if (last?.redirect_uris === undefined) return;
  const query = new URLSearchParams({ client_id: last.client_id, response_type: 'none' });
  const deadline = performance.now() + 5_000;
  for (;;) {
    const answer = await fetch(`${url}/authorize?${query}`, {
      redirect: 'manual',
      headers: { accept: 'application/json' },
    });
    if (!(await answer.text()).includes('invalid_client')) return;
    if (performance.now() > deadline) throw new Error(`the server never heard of ${last.client_id}`);
  }
}

/** A browser window without any history of the others. */
export async function openWindow(stage: Stage, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await stage.browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  context.setDefaultTimeout(10_000);
  return context.newPage();
}

/** Fills in the sign-in page and sends it. */
export async function signIn(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
  await page.fill('input[name=login]', email);
  await page.fill('input[name=password]', password);
  await page.click('#login-submit');
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
    if (!message.text().startsWith('Failed to load resource')) complain(message.page(), message.text());
  });
  context.on('weberror', (error) => complain(error.page(), error.error().message));
  context.on('request', (request) => {
    if (!origins.includes(new URL(request.url()).origin)) complain(null, `asked ${request.url()}`);
  });
  return { complaints };
}

/** What axe finds on the page as it is now. */
export async function axeViolations(page: Page): Promise<string[]> {
  // No frames here, so the mode without a second page will do.
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode(true)
    .options({ resultTypes: ['violations'] })
    .analyze();
  return violations.map(
    (found) => `${page.url()}: axe ${found.id} at ${found.nodes.map((node) => node.target).join(', ')}`,
  );
}

/** An app that only shows what the browser brought it: where sign-ins end. */
export interface Harbour {
  readonly url: string;
  readonly callback: string;
  /** Queries that came to the callback, the newest last. */
  readonly answers: URLSearchParams[];
  close(): Promise<void>;
}

/** Starts that app. Its home page is where people start again. */
export async function openHarbour(): Promise<Harbour> {
  const answers: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/callback') answers.push(searchParams);
    const words = pathname === '/callback' ? [...searchParams.keys()].join(' ') : 'home';
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(
      `<!doctype html><html lang="en"><title>Harbour Books</title><link rel="icon" href="data:,"><p id="harbour">${words}</p>`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    callback: `${url}/callback`,
    answers,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

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
