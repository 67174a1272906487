import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { isBack, RelyingApp, redirectUri, walk } from '../kit/relying-app.ts';
import { temporaryFolder } from '../kit/services/folder.ts';
import { freePort } from '../kit/services/free-port.ts';
import { type Postern, runCommand, startPostern } from '../kit/services/process.ts';
import { until } from '../kit/until.ts';

const isLong = process.env['POSTERN_TEST_LONG'] === '1';
const kills = isLong ? 100 : 8;
/** Requests kept under way until the process dies. */
const workers = 8;
const points = ['random', 'after-consume', 'before-commit', 'after-commit'] as const;
const fault = join(import.meta.dirname, '../kit/faults/kill-at.mjs');

const person = { email: 'ada@example.org', password: 'a long enough password' };
const credentials = { clientId: 'books', clientSecret: 's'.repeat(40) };

/** What the relying app knows: only what was answered to it. */
interface Knowledge {
  /** The last refresh token of each chain that an answer brought. */
  readonly chains: string[];
  /** Successor by refresh token, as answered: it must never be another one. */
  readonly successors: Map<string, string>;
  /** Codes by how often their exchange was answered with tokens. */
  readonly exchanged: Map<string, { verifier: string; successes: number }>;
  /** How many codes were tried in all. */
  codes: number;
  /** Access tokens that answers brought in this life of the server. */
  alive: string[];
}

describe('a server that is killed while codes and refresh tokens are used', () => {
  it(`loses nothing that it has acknowledged and uses nothing twice, ${kills} times`, async () => {
    const folder = temporaryFolder('kills');
    const env = { POSTERN_PORT: String(await freePort()) };
    const known: Knowledge = { chains: [], successors: new Map(), exchanged: new Map(), codes: 0, alive: [] };
    const browser = new Browser();
    let inFlightKills = 0;
    let server = await startPostern({ dataDir: folder.path, env });
    await seed(server, folder.path);
    const app = new RelyingApp(server.url, credentials);
    await signInOnce(app, browser);
    for (let kill = 0; kill < kills; kill += 1) {
      await server.kill9();
      const point = points[kill % points.length] ?? 'random';
      server = await startPostern({
        dataDir: folder.path,
        env: { ...env, ...killEnv(point, kill) },
        nodeArgs: ['--import', fault],
      });
      const under = await oneLife(server, app, { browser, known, point }).catch(withLog(server));
      if (under > 0) inFlightKills += 1;
    }
    await server.kill9();
    server = await startPostern({ dataDir: folder.path, env });
    await check(app, { browser, known });
    process.stdout.write(
      `${kills} kills, ${inFlightKills} with requests in flight; ${known.successors.size} refreshes and ${known.codes} codes\n`,
    );
    expect(inFlightKills / kills).toBeGreaterThanOrEqual(0.8);
    await server.stop();
    folder.remove();
  });
});

/** A failure with what the server said of it, which it writes when it ends. */
const withLog =
  (server: Postern) =>
  async (error: unknown): Promise<never> => {
    await server.stop();
    const said = server
      .stdout()
      .split('\n')
      .filter((line) => /"level":"(?:warn|error)"/.test(line));
    throw new Error([(error as Error).message, ...said.slice(-5), server.stderr()].join('\n'), { cause: error });
  };

const killEnv = (point: string, kill: number): Record<string, string> =>
  point === 'random' ? {} : { POSTERN_TEST_KILL: `${point}:${5 + ((kill * 7) % 20)}` };

async function seed(server: Postern, folder: string): Promise<void> {
  const file = join(folder, 'seed.yaml');
  const { clientId, clientSecret } = credentials;
  const seeds = {
    // A code or token that is tried again after a restart must count as a retry, not as theft, however slow this machine is.
    settings: { refresh: { graceSeconds: 300 } },
    users: [{ ...person, email_verified: true }],
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        first_party: true,
      },
    ],
  };
  writeFileSync(file, JSON.stringify(seeds));
  const { code, stderr } = await runCommand(['apply', '-f', file], { env: server.env });
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
}

/** The only time that the password is typed. The client is known to the running server within a second. */
async function signInOnce(app: RelyingApp, browser: Browser): Promise<void> {
  const signIn = async () => walk(browser, await browser.open(app.request().url, isBack), person);
  await until('the person is signed in', async () => isBack((await signIn()).url));
}

/** A code without a page: the session has outlived the kill. */
async function silentCode(app: RelyingApp, browser: Browser): Promise<{ code: string; verifier: string }> {
  const { url, verifier } = app.request({ prompt: 'none' });
  const page = await browser.open(url, isBack);
  const code = new URL(page.url).searchParams.get('code');
  if (code === null) throw new Error(`the person would have to sign in again: ${page.url}`);
  return { code, verifier };
}

interface Life {
  readonly browser: Browser;
  readonly known: Knowledge;
}

/** Checks what the former life left, puts the server under load until it dies, and says how many requests it took along. */
async function oneLife(server: Postern, app: RelyingApp, life: Life & { point: string }): Promise<number> {
  // The named point may be reached by the check itself: its own request was then under way.
  if (await diedDuring(check(app, life))) return 1;
  const load = { pending: 0, ended: false };
  const running = Promise.all(Array.from({ length: workers }, (_, index) => work(app, life, { load, index })));
  const timer = setTimeout(
    () => void server.kill9(),
    life.point === 'random' ? 60 + Math.floor(Math.random() * 300) : 4_000,
  );
  // A worker that meets a broken promise ends the test at once; one whose request dies with the server leaves it pending.
  await Promise.race([server.exited, running]);
  await server.exited;
  load.ended = true;
  clearTimeout(timer);
  await running;
  return load.pending;
}

async function diedDuring(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (error) {
    if (isGone(error)) return true;
    throw error;
  }
}

/** Whether the request failed because the server is no more. */
const isGone = (error: unknown): boolean => error instanceof TypeError && error.message === 'fetch failed';

async function work(
  app: RelyingApp,
  { browser, known }: Life,
  at: { load: { pending: number; ended: boolean }; index: number },
): Promise<void> {
  const { load, index } = at;
  while (!load.ended) {
    load.pending += 1;
    try {
      if (index < known.chains.length && index % 2 === 0) await refresh(app, known, index);
      else await exchange(app, known, await silentCode(app, browser.copy()));
      load.pending -= 1;
    } catch (error) {
      if (!isGone(error)) throw error;
      // Left pending: it was under way when the server died.
      return;
    }
  }
}

async function exchange(
  app: RelyingApp,
  known: Knowledge,
  { code, verifier }: { code: string; verifier: string },
): Promise<void> {
  const entry = known.exchanged.get(code) ?? { verifier, successes: 0 };
  known.exchanged.set(code, entry);
  const { status, body } = await app.exchange(code, verifier);
  if (status !== 200) throw new Error(`a fresh code answers ${status} ${JSON.stringify(body)}`);
  entry.successes += 1;
  known.alive.push(String(body['access_token']));
  if (known.chains.length < workers) known.chains.push(String(body['refresh_token']));
}

async function refresh(app: RelyingApp, known: Knowledge, index: number): Promise<void> {
  const token = known.chains[index] ?? '';
  const { status, body } = await app.refresh(token);
  if (status !== 200)
    throw new Error(`a refresh token that was acknowledged answers ${status} ${JSON.stringify(body)}`);
  const successor = String(body['refresh_token']);
  const before = known.successors.get(token);
  if (before !== undefined && before !== successor) throw new Error('one refresh token got two successors');
  known.successors.set(token, successor);
  known.chains[index] = successor;
  known.alive.push(String(body['access_token']));
}

async function check(app: RelyingApp, { browser, known }: Life): Promise<void> {
  await silentCode(app, browser);
  for (const index of known.chains.keys()) await refresh(app, known, index);
  for (const token of known.alive.splice(0).slice(-20)) {
    const { body } = await app.introspect(token);
    if (body['active'] !== true) throw new Error('an access token that was acknowledged is gone');
  }
  for (const [code, entry] of [...known.exchanged].slice(-20)) {
    const { status } = await app.exchange(code, entry.verifier);
    if (status === 200) entry.successes += 1;
    if (entry.successes > 1) throw new Error('one code was exchanged twice');
  }
  known.codes += known.exchanged.size;
  known.exchanged.clear();
}
