import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { race } from '../kit/barrier.ts';
import { brokenStore } from '../kit/broken-store.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { RelyingApp } from '../kit/relying-app.ts';
import { startPostgres } from '../kit/services/postgres.ts';
import { type Postern, startPostern } from '../kit/services/process.ts';
import { graceCase, type RaceReport, raceCases, resetCase, runRace, setUpCase } from './cases.ts';

const isLong = process.env['POSTERN_TEST_LONG'] === '1';
const rounds = isLong ? 100 : 3;
const racers = 64;
/** A password hash each: a round takes seconds. */
const setUpRounds = isLong ? 100 : 1;

/** Wrong codes are held back after a few: the racers are to meet in the database, not before it. */
const settings = {
  signIn: { email: 'link' },
  limits: {
    failuresPerAccount: 10_000,
    failuresPerAddress: 100_000,
    failuresPerPair: 10_000,
    anonymousPerMinute: 100_000,
  },
};

/** Sign-in by e-mail is offered where there is a mail server; none of these mails is sent. */
const mailing = { POSTERN_MAIL__URL: 'smtp://127.0.0.1:9', POSTERN_MAIL__FROM: 'id@example.org' };

const once = (count: number): number[] => Array.from({ length: count }, () => 1);

/** The report that the issue asks for; shown with the test run. */
function tell(where: string, name: string, report: RaceReport): void {
  const share = Math.round(report.overlap * 100);
  process.stdout.write(
    `race on ${where}: ${name}, ${report.winners.length} rounds, ${report.racers} racers: winners ${new Set(report.winners).size === 1 ? report.winners[0] : report.winners.join(',')}, ${share} % overlapped, statuses ${JSON.stringify(report.statuses)}\n`,
  );
}

async function expectOneWinner(where: string, product: Product, origins: readonly string[]): Promise<void> {
  for (const one of await raceCases(product)) {
    const report = await runRace(one, { origins, racers, rounds });
    tell(where, one.name, report);
    expect({ name: one.name, winners: report.winners }).toEqual({
      name: one.name,
      winners: once(report.winners.length),
    });
    expect(report.overlap).toBeGreaterThan(0.8);
    expect(Object.keys(report.statuses).filter((status) => Number(status) >= 500)).toEqual([]);
  }
}

async function expectOneSuccessor(product: Product, origins: readonly string[]): Promise<void> {
  const { prepare, successors, app } = await graceCase(product);
  await untilKnown(app, origins);
  const request = await prepare();
  const answers = await race(
    Array.from({ length: racers }, (_, index) => request(origins[index % origins.length] ?? '')),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const [successor, ...others] = successors(answers);
  expect(others).toEqual([]);
  expect((await app.refresh(successor)).status).toBe(200);
}

/** A new client holds everywhere within a second; the race must not begin before. */
async function untilKnown({ credentials }: RelyingApp, origins: readonly string[]): Promise<void> {
  const deadline = performance.now() + 3_000;
  for (const origin of origins) {
    const there = new RelyingApp(origin, credentials);
    while ((await there.introspect('nothing')).status !== 200) {
      if (performance.now() > deadline) throw new Error(`${origin} does not know the client`);
    }
  }
}

async function expectOneAdministrator(where: string, product: Product, origins: readonly string[]): Promise<void> {
  const one = setUpCase(product);
  const report = await runRace(one, { origins, racers: isLong ? racers : 16, rounds: setUpRounds });
  tell(where, one.name, report);
  expect(report.winners).toEqual(once(setUpRounds));
  expect((await product.events('admin.created')).length).toBe(setUpRounds);
}

async function expectOnePassword(where: string, product: Product, origins: readonly string[]): Promise<void> {
  const one = await resetCase(product);
  const report = await runRace(one, { origins, racers: isLong ? racers : 16, rounds: setUpRounds });
  tell(where, one.name, report);
  expect(report.winners).toEqual(once(setUpRounds));
  expect((await product.events('password.reset')).length).toBe(setUpRounds);
}

describe('one process on SQLite', () => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct({ settings, env: mailing });
  });
  afterAll(() => product.stop());

  it('lets one of 64 win each code, refresh token without grace, device code, assertion and second factor', () =>
    expectOneWinner('SQLite, one process', product, [product.url]));

  it('gives 64 refreshes within the grace window one successor', () => expectOneSuccessor(product, [product.url]));

  it('makes one administrator by one set-up link', () =>
    expectOneAdministrator('SQLite, one process', product, [product.url]));

  it('sets one password by one reset link', () => expectOnePassword('SQLite, one process', product, [product.url]));
});

describe('a store that reads first and writes later', () => {
  it('is caught by the same races', async () => {
    const product = await startProduct({ wrap: brokenStore, settings, env: mailing });
    const caught: Record<string, boolean> = {};
    for (const one of [...(await raceCases(product)), setUpCase(product), await resetCase(product)]) {
      const few = one.name.endsWith(' link') ? 8 : racers;
      const within = { origins: [product.url], racers: few, rounds: 1 };
      // A broken store does not lose every race: a few rounds are enough to see it lose one.
      for (let round = 0; round < 8 && !caught[one.name]; round += 1) {
        const report = await runRace({ ...one, verify: async () => {} }, within);
        caught[one.name] = report.winners.some((winners) => winners > 1);
      }
    }
    await product.stop();
    expect(caught).toEqual({
      'authorization code': true,
      'refresh token without grace': true,
      'device code': true,
      'client assertion': true,
      'code of an app': true,
      'recovery code': true,
      'e-mail code': true,
      'e-mail sign-in link': true,
      'set-up link': true,
      'reset link': true,
    });
  });
});

describe('two processes on PostgreSQL', () => {
  let postgres: Awaited<ReturnType<typeof startPostgres>>;
  let product: Product;
  let nodes: Postern[];

  beforeAll(async () => {
    postgres = await startPostgres();
    product = await startProduct({ databaseUrl: postgres.url, settings, env: mailing });
    const { databaseUrl, encryptionKey, issuer } = product.node;
    const env = {
      ...mailing,
      POSTERN_DATABASE_URL: databaseUrl,
      POSTERN_ENCRYPTION_KEY: encryptionKey,
      POSTERN_ISSUER: issuer,
    };
    nodes = await Promise.all([startPostern({ env }), startPostern({ env })]);
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await product.stop();
    await postgres.stop();
  });

  const origins = () => nodes.map(({ port }) => `http://127.0.0.1:${port}`);

  it('let one of 64 win each code, refresh token without grace, device code, assertion and second factor', async () => {
    await expectOneWinner('PostgreSQL, two processes', product, origins());
  });

  it('give 64 refreshes within the grace window one successor', () => expectOneSuccessor(product, origins()));

  it('make one administrator by one set-up link', () =>
    expectOneAdministrator('PostgreSQL, two processes', product, origins()));

  it('set one password by one reset link', () => expectOnePassword('PostgreSQL, two processes', product, origins()));
});
