import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accountPage, enter } from '../account/kit.ts';
import { Browser } from '../kit/browser.ts';
import { startProduct } from '../kit/product.ts';
import { hrefOf, type Person } from '../mfa/kit.ts';
import { advance } from '../protocol/kit/time.ts';
import { type Mailing, mailTo, startMailing } from '../recovery/kit.ts';
import { from, writeTowns } from './kit.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-places-'));
const settings = { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } };
let mailing: Mailing;
let user: Person;

beforeAll(async () => {
  const env = { POSTERN_GEOIP__FILE: writeTowns(folder), POSTERN_TRUST_PROXY: '127.0.0.1' };
  mailing = await startMailing({ settings, env });
});
beforeEach(async () => {
  user = await mailing.product.addUser();
  advance(900);
});
afterAll(async () => {
  await mailing.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('where a sign-in came from', () => {
  it('is told in words on the account page, in its activity and in the notice of a new browser', async () => {
    const { product, server } = mailing;
    await enter(product, user);
    const { browser } = await enter(product, user, { browser: new Browser(from.cologne) });
    const page = await accountPage(product, browser);
    expect(page.text).toContain('Cologne, Germany');
    const activity = await browser.open(hrefOf(page, 'activity-open'));
    expect(activity.text).toContain('Cologne, Germany');
    const german = await accountPage(product, browser.with({ 'accept-language': 'de' }));
    expect(german.text).toContain('Köln, Deutschland');
    const mail = await mailTo(server, user.email, /New sign-in/);
    expect(mail.text).toContain('Cologne, Germany');
  });

  it('is told for IPv6, and left out where the file does not know it', async () => {
    const { product } = mailing;
    const { browser } = await enter(product, user, { browser: new Browser(from.santiago6) });
    expect((await accountPage(product, browser)).text).toContain('Santiago, Chile');
    const { browser: other } = await enter(product, user);
    expect((await accountPage(product, other)).text).toContain('127.0.0.1');
  });
});

describe('without a proxy that is trusted, or without a file', () => {
  it('a forged X-Forwarded-For moves nobody, and no place is made up', async () => {
    const forged = await startProduct({ settings, env: { POSTERN_GEOIP__FILE: writeTowns(folder) } });
    const plain = await startProduct({ settings, env: { POSTERN_TRUST_PROXY: '127.0.0.1' } });
    try {
      for (const product of [forged, plain]) {
        const person = await product.addUser();
        const { browser } = await enter(product, person, { browser: new Browser(from.cologne) });
        const page = await accountPage(product, browser);
        expect(page.text).not.toMatch(/Cologne|Germany/);
        expect(page.text).toContain(product === plain ? '192.0.2.10' : '127.0.0.1');
      }
    } finally {
      await forged.stop();
      await plain.stop();
    }
  });

  it('a file that cannot be used is said once at the start, with its code, and everybody is served', async () => {
    const product = await startProduct({ settings, env: { POSTERN_GEOIP__FILE: join(folder, 'none.mmdb') } });
    try {
      const said = product.log.lines.filter(({ fields }) => fields['code'] === 'geoip_unusable');
      expect(said.map(({ level, message }) => [level, message.includes('none.mmdb')])).toEqual([['error', true]]);
      const { page } = await enter(product, await product.addUser());
      expect(page.status).toBe(200);
    } finally {
      await product.stop();
    }
  });
});
