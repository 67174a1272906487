import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StatsCommandApp, stats } from '../../src/app/commands/stats.ts';
import { createStatistics, type SessionReport, type Statistics } from '../../src/features/statistics/module.ts';
import { createMetrics } from '../../src/foundation/observe/metrics.ts';
import { enter } from '../account/kit.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import { operatorOf } from '../protocol/kit/operator.ts';
import { advance, days, hours, standStill } from '../protocol/kit/time.ts';
import { from, writeTowns } from '../signals/kit.ts';

const phone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1';
const desktop = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const folder = mkdtempSync(join(tmpdir(), 'postern-statistics-'));
const metrics = createMetrics();
let product: Product;
let app: RelyingApp;
let statistics: Statistics;

beforeAll(async () => {
  standStill();
  product = await startProduct({
    settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } },
    env: { POSTERN_GEOIP__FILE: writeTowns(folder), POSTERN_TRUST_PROXY: '127.0.0.1' },
  });
  app = await addWebApp(product, { first_party: true });
  statistics = createStatistics({ ...product.foundations, onCounted: (row) => metrics.sessions(row) });
});
afterAll(async () => {
  await product.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The product counts by itself as well, whenever its job comes round: two processes that count the same. */
async function report(): Promise<SessionReport> {
  advance(61);
  for (let round = 0; round < 4; round += 1) await statistics.count();
  return statistics.report(Date.now() - 30 * days * 1000);
}
const numbers = (shares: readonly { name: string; sessions: number }[]) =>
  Object.fromEntries(shares.map(({ name, sessions }) => [name, sessions]));

describe('sign-ins', () => {
  it('are counted once each by day, app, device and country, and their ends by reason and length', async () => {
    const people = await Promise.all([1, 2, 3, 4].map(() => product.addUser()));
    const [ada, bob, cyd, dan] = people as [
      (typeof people)[0],
      (typeof people)[0],
      (typeof people)[0],
      (typeof people)[0],
    ];
    const { browser } = await app.signIn(ada, { browser: new Browser({ ...from.cologne, 'user-agent': desktop }) });
    await app.signIn(bob, { browser: new Browser({ ...from.santiago, 'user-agent': phone }) });
    await enter(product, cyd, { browser: new Browser({ 'user-agent': desktop }) });
    await app.signIn(dan, { browser: new Browser({ ...from.cologne6, 'user-agent': desktop }) });
    const begun = await report();
    expect([begun.active, begun.begun.sessions, begun.ended.sessions]).toEqual([4, 4, 0]);
    expect(numbers(begun.begun.by_client)).toEqual({ [app.credentials.clientId]: 3, postern: 1 });
    expect(numbers(begun.begun.by_device)).toEqual({ desktop: 3, mobile: 1 });
    expect(numbers(begun.begun.by_country)).toEqual({ DE: 2, CL: 1, '': 1 });
    expect(begun.begun.by_day).toEqual([{ name: new Date().toISOString().slice(0, 10), sessions: 4 }]);

    advance(hours);
    await browser.submit(await browser.open(`${product.url}/account`), 'sign-out');
    await operatorOf(product).disableUser(bob.id);
    await operatorOf(product).signOutUser(cyd.id);
    const ended = await report();
    expect([ended.active, ended.begun.sessions]).toEqual([1, 4]);
    expect(numbers(ended.ended.by_reason)).toEqual({ sign_out: 1, disabled: 1, operator: 1 });
    expect(ended.ended.mean_seconds).toBe(3661);
    advance(13 * hours);
    expect(numbers((await report()).ended.by_reason)).toEqual({ sign_out: 1, disabled: 1, operator: 1, expired: 1 });
    expect(await report()).toMatchObject({ active: 0, begun: { sessions: 4 }, ended: { sessions: 4 } });
  });

  it('say whether one was ended from elsewhere, or all of a person', async () => {
    const user = await product.addUser();
    const { browser } = await enter(product, user);
    const [here] = await product.app.protocol.sessions.list(user.id);
    await app.signIn(user);
    const there = (await product.app.protocol.sessions.list(user.id)).find(({ id }) => id !== here?.id);
    const own = browser.with({ origin: product.url });
    await own.post(`${product.url}/account/sessions/end`, { session: there?.id ?? '' });
    await app.signIn(user);
    await own.post(`${product.url}/account/sessions/end-all`, {});
    expect(numbers((await report()).ended.by_reason)).toMatchObject({ account: 1, everywhere: 2 });
  });

  it('are counted by this process once at most, however many count', async () => {
    const before = (await report()).begun.sessions;
    for (let person = 0; person < 3; person += 1) await app.signIn(await product.addUser());
    advance(61);
    const others = Array.from({ length: 6 }, () => createStatistics(product.foundations));
    await Promise.all([...others, statistics].map((one) => one.count()));
    expect((await report()).begun.sessions).toBe(before + 3);
  });

  it('name nobody in the metrics, and no more apps than there is room for', async () => {
    const ended = { event: 'sign_out', client: 'web', device: 'desktop', country: 'DE', sessions: 2, seconds: 90 };
    metrics.sessions(ended);
    expect(await metrics.text()).toMatch(/postern_sessions_ended_seconds_total\{reason="sign_out"\} \d/);
    for (const counted of Array.from({ length: 80 }, (_, number) => ({ client: `app-${number}` }))) {
      metrics.sessions({ event: 'begun', device: 'desktop', country: '', sessions: 1, seconds: 0, ...counted });
    }
    const series = (await metrics.text()).match(/^postern_sessions_started_by_client_total\{.*$/gm) ?? [];
    expect(series.length).toBeLessThanOrEqual(51);
    expect(series.some((line) => line.includes('client_id="other"'))).toBe(true);
    expect(await metrics.text()).not.toMatch(/192\.0\.2|person\d|@example/);
  });
});

describe('postern stats', () => {
  const run = async (since: string, json = false) => {
    const written = { out: '', err: '' };
    const io = {
      json,
      out(text: string) {
        written.out += text;
      },
      err(text: string) {
        written.err += text;
      },
    };
    const parts: StatsCommandApp = { statistics, clock: product.foundations.clock };
    return { code: await stats(io, parts, { since }), ...written };
  };

  it('says it in words and as JSON', async () => {
    const { code, out } = await run('30d');
    expect([code, out]).toEqual([0, expect.stringMatching(/sign-ins since 2\d{3}-\d\d-\d\d, \d+ ended after/)]);
    expect(out).toMatch(/COUNTRY +SIGN-INS/);
    const { out: text } = await run('7d', true);
    expect(JSON.parse(text)).toMatchObject({ active: expect.any(Number), ended: { by_reason: expect.any(Array) } });
  });

  it.each(['yesterday', '7w', ''])('refuses a time that is none: %j', async (since) => {
    const { code, out, err } = await run(since);
    expect([code, out, err.includes('--since')]).toEqual([2, '', true]);
  });
});
