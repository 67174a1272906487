import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStatistics } from '../../src/features/statistics/module.ts';
import { accountPage, enter } from '../account/kit.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { isSignInPage, typePassword } from '../mfa/kit.ts';
import { operatorOf } from '../protocol/kit/operator.ts';
import { advance, days, standStill } from '../protocol/kit/time.ts';
import { from, writeTowns } from '../signals/kit.ts';
import { ENGINES, type Server } from './kit/engines.ts';

describe.each(ENGINES)('what is kept of sign-ins on $name', ({ start }) => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-sign-ins-'));
  let server: Server;
  let product: Product;
  let app: RelyingApp;

  beforeAll(async () => {
    standStill();
    server = await start();
    product = await startProduct({
      databaseUrl: await server.createDatabase('signins'),
      env: { POSTERN_GEOIP__FILE: writeTowns(folder), POSTERN_TRUST_PROXY: '127.0.0.1' },
      settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } }, sessions: { onRisk: 'challenge' } },
    });
    app = await addWebApp(product, { first_party: true });
  });
  afterAll(async () => {
    await product?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('stops a journey that nobody makes, until its person has shown who they are', async () => {
    const user = await product.addUser();
    const { browser } = await enter(product, user, { browser: new Browser(from.cologne) });
    advance(61);
    expect((await accountPage(product, browser)).text).toContain('Cologne');
    const moved = browser.with(from.santiago);
    expect((await accountPage(product, moved)).text).toContain('sign-in-link');
    const asked = await moved.open(app.request().url, isBack);
    expect(isSignInPage(asked)).toBe(true);
    expect(isBack((await typePassword(moved, asked, user)).url)).toBe(true);
    expect((await accountPage(product, moved)).text).toContain('Santiago');
    await accountPage(product, moved.with(from.cologne));
    const signals = await product.events('signal.raised');
    expect(signals.map(({ reason }) => reason)).toEqual(['impossible_travel', 'concurrent_use']);
  });

  it('is counted once, however many count at once', async () => {
    const people = await Promise.all([1, 2, 3].map(() => product.addUser()));
    for (const person of people) await app.signIn(person, { browser: new Browser(from.cologne6) });
    advance(61);
    const counting = Array.from({ length: 4 }, () => createStatistics(product.foundations));
    const count = async () => {
      for (let round = 0; round < 3; round += 1) await Promise.allSettled(counting.map((one) => one.count()));
      return counting[0]?.report(Date.now() - 2 * days * 1000);
    };
    const begun = await count();
    expect(begun).toMatchObject({ active: 4, begun: { sessions: 4, by_device: [{ name: 'other', sessions: 4 }] } });
    expect(begun?.begun.by_country).toEqual([{ name: 'DE', sessions: 4 }]);
    await operatorOf(product).signOutUser(people[0]?.id ?? '');
    expect((await count())?.ended).toEqual({
      sessions: 1,
      mean_seconds: 61,
      by_reason: [{ name: 'operator', sessions: 1, mean_seconds: 61 }],
    });
  });
});
