import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { race } from '../kit/barrier.ts';
import { Browser, type Page, textOf } from '../kit/browser.ts';
import type { Product } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { until } from '../kit/until.ts';
import {
  codeOf,
  enrol,
  hrefOf,
  isCodePage,
  isSignInPage,
  multiFactor,
  singleFactor,
  typeCode,
  typePassword,
} from '../mfa/kit.ts';
import { advance, standStill } from '../protocol/kit/time.ts';
import { type Mailing, startMailing } from '../recovery/kit.ts';

let mailing: Mailing;
let product: Product;
let app: RelyingApp;

beforeAll(async () => {
  standStill();
  mailing = await startMailing();
  ({ product } = mailing);
  app = await addWebApp(product, { first_party: true });
});
afterAll(() => mailing.stop());
beforeEach(() => offer('code'));

async function offer(email: 'off' | 'code' | 'link'): Promise<void> {
  await product.app.core.settings.set({ signIn: { email } }, byOperator);
}

interface Asked {
  readonly browser: Browser;
  readonly start: Page;
  readonly sent: Page;
}

/** Begins a sign-in and asks for a mail. */
async function ask(email: string, parameters: Record<string, string> = {}): Promise<Asked> {
  const browser = new Browser();
  const start = await browser.open(app.request(parameters).url);
  const form = await browser.open(hrefOf(start, 'email-link'));
  return { browser, start, sent: await browser.submit(form, 'email-submit', { email }) };
}

async function mailTo(email: string, count = 1) {
  const found = () => mailing.server.arrived.filter((mail) => mail.recipients.includes(email));
  await until(`a mail to ${email}`, async () => found().length >= count);
  return found().at(-1) as NonNullable<ReturnType<typeof found>[number]>;
}
const codeIn = ({ text }: { text: string }): string => /^[A-Z]{4}-[A-Z]{4}$/m.exec(text)?.[0] ?? '';
const linkIn = ({ text }: { text: string }): string => /http:\S+key=\S+/.exec(text)?.[0] ?? '';
const wrong = (code: string): string => code.replace(/^./, (letter) => (letter === 'B' ? 'C' : 'B'));
const type = (browser: Browser, page: Page, code: string): Promise<Page> =>
  browser.submit(page, 'code-submit', { code }, isBack);

describe('a code by mail', () => {
  it('signs a person in as one factor, tells how, and is used up', async () => {
    const user = await product.addUser();
    const { browser, sent } = await ask(user.email);
    expect([sent.status, textOf(sent, 'code-submit')]).toEqual([200, 'Continue']);
    const code = codeIn(await mailTo(user.email));
    const copy = browser.copy();
    const back = await type(browser, sent, ` ${code.toLowerCase().replace('-', ' ')} `);
    expect(isBack(back.url)).toBe(true);
    const again = await type(copy, sent, code);
    expect(isBack(again.url)).toBe(false);
    const [started] = (await product.events('session.started')).filter(({ subject }) => subject === user.id);
    expect(started).toBeDefined();
    expect((await product.events('signin.requested')).at(-1)).toMatchObject({ outcome: 'success', subject: user.id });
  });

  it('is told truthfully to the app', async () => {
    const user = await product.addUser();
    const { url, verifier } = app.request();
    const browser = new Browser();
    const form = await browser.open(hrefOf(await browser.open(url), 'email-link'));
    const sent = await browser.submit(form, 'email-submit', { email: user.email });
    const back = await type(browser, sent, codeIn(await mailTo(user.email)));
    const { body } = await app.exchange(new URL(back.url).searchParams.get('code') ?? '', verifier);
    const claims = JSON.parse(Buffer.from(String(body['id_token']).split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ sub: user.id, amr: ['email'], acr: singleFactor });
  });

  it('counts for nothing where two factors are due: password and code are asked for, and told', async () => {
    const user = await product.addUser();
    const { secret } = await enrol(product, user);
    const { url, verifier } = app.request({ acr_values: multiFactor });
    const browser = new Browser();
    const form = await browser.open(hrefOf(await browser.open(url), 'email-link'));
    const sent = await browser.submit(form, 'email-submit', { email: user.email });
    const next = await type(browser, sent, codeIn(await mailTo(user.email)));
    expect([isSignInPage(next), next.text.includes('more than a mailbox')]).toEqual([true, true]);
    expect(next.text).not.toContain('email-link');
    // The code of the app comes out of its turn, right as it is.
    const { href } = new URL(`${next.url}/code`);
    expect((await browser.post(href, { code: codeOf(secret) })).status).toBe(303);
    expect(isSignInPage(await browser.open(next.url))).toBe(true);
    const asked = await typePassword(browser, next, user);
    expect(isCodePage(asked)).toBe(true);
    const back = await typeCode(browser, asked, codeOf(secret));
    const { body } = await app.exchange(new URL(back.url).searchParams.get('code') ?? '', verifier);
    const claims = JSON.parse(Buffer.from(String(body['id_token']).split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ sub: user.id, amr: ['email', 'pwd', 'otp', 'mfa'], acr: multiFactor });
  });

  it('does not open the second step to whoever has the mailbox and the app of a session', async () => {
    const user = await product.addUser();
    const { browser, sent } = await ask(user.email);
    expect(isBack((await type(browser, sent, codeIn(await mailTo(user.email)))).url)).toBe(true);
    const { secret } = await enrol(product, user);
    const stepUp = await browser.open(app.request({ acr_values: multiFactor }).url, isBack);
    expect([isSignInPage(stepUp), codeOf(secret).length]).toEqual([true, 6]);
  });

  it('may be mistyped four times, and no fifth try of any number of racers is a sixth', async () => {
    const user = await product.addUser();
    const { browser, sent } = await ask(user.email);
    const code = codeIn(await mailTo(user.email));
    const statuses: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      statuses.push((await type(browser, sent, wrong(code))).status);
      // Tries have to wait for longer and longer.
      advance(10);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401]);
    const late = await type(browser, sent, code);
    expect([late.status, textOf(late, 'problem')]).toEqual([
      400,
      'This code does not work any more. Ask for another one.',
    ]);
    const events = await product.events('signin.failed');
    expect(events.at(-1)).toMatchObject({ outcome: 'denied', reason: 'expired_code' });
    expect(events.filter(({ reason, subject }) => reason === 'wrong_code' && subject === user.id)).toHaveLength(5);

    const other = await product.addUser();
    const asked = await ask(other.email);
    const right = codeIn(await mailTo(other.email));
    const cookies = asked.browser.cookies().map(({ name, value }) => `${name}=${value}`);
    const headers = { cookie: cookies.join('; '), origin: product.url };
    const path = `${new URL(asked.start.url).pathname}/email/code`;
    const racer = { origin: product.url, method: 'POST', path, headers, form: { code: right } } as const;
    const answers = await race(Array.from({ length: 12 }, () => racer));
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
  });

  it('works only for the browser and the sign-in that asked, and for ten minutes', async () => {
    const user = await product.addUser();
    const { sent, browser, start } = await ask(user.email);
    const code = codeIn(await mailTo(user.email));
    const stranger = await ask('nobody@example.org');
    expect((await type(stranger.browser, stranger.sent, code)).status).toBe(401);
    expect((await new Browser().post(`${start.url}/email/code`, { code })).status).toBeGreaterThanOrEqual(400);
    advance(10 * 60);
    expect((await type(browser, sent, code)).status).toBe(400);
  });

  it('goes to nobody who is disabled, unverified or buried in mails; the pages are the same', async () => {
    const { users } = product.app.core;
    const disabled = await product.addUser();
    await users.disable(disabled.id, byOperator, async () => []);
    const unverified = 'unverified@example.org';
    await users.create({ email: unverified, email_verified: false }, byOperator);
    const busy = await product.addUser();
    for (let n = 0; n < 3; n += 1) await ask(busy.email);
    await mailTo(busy.email, 3);
    const asked = [disabled.email, unverified, busy.email, 'unknown@example.org'];
    const pages: string[] = [];
    for (const email of asked) {
      const { sent, browser, start } = await ask(email);
      const typed = await type(browser, sent, 'BCDF-GHJK');
      const uid = new URL(start.url).pathname;
      pages.push(
        [sent.status, sent.text, typed.status, typed.text].join('\n').replaceAll(email, 'X').replaceAll(uid, 'U'),
      );
    }
    expect(new Set(pages).size).toBe(1);
    const reasons = async () =>
      (await product.events('signin.requested')).map(({ reason }) => reason).filter((reason) => reason !== undefined);
    await until('all are looked at', async () => new Set(await reasons()).size >= 4);
    expect(new Set(await reasons())).toEqual(
      new Set(['account_disabled', 'email_unverified', 'too_many_mails', 'unknown_login']),
    );
    const reached = mailing.server.arrived.flatMap(({ recipients }) => recipients);
    expect(reached.filter((email) => email === busy.email)).toHaveLength(3);
    expect(reached).not.toContain(disabled.email);
    expect(reached).not.toContain(unverified);
  });

  it('is worth nothing once the account is disabled', async () => {
    const user = await product.addUser();
    const { browser, sent } = await ask(user.email);
    const code = codeIn(await mailTo(user.email));
    await product.app.core.users.disable(user.id, byOperator, async () => []);
    expect((await type(browser, sent, code)).status).toBe(401);
  });
});

describe('a link by mail', () => {
  beforeEach(() => offer('link'));

  it('is shown by GET, used by POST, once, in the browser that asked', async () => {
    const user = await product.addUser();
    const { browser, sent, start } = await ask(user.email);
    expect([sent.status, sent.text.includes('code-submit')]).toEqual([200, false]);
    const link = linkIn(await mailTo(user.email));
    const elsewhere = await new Browser().open(link);
    expect([elsewhere.status, textOf(elsewhere, 'error-code')]).toEqual([403, 'link_elsewhere']);
    const stranger = await ask('nobody@example.org');
    const key = new URL(link).search;
    const theirs = await stranger.browser.open(`${stranger.start.url}/email/link${key}`);
    expect([theirs.status, textOf(theirs, 'error-code')]).toEqual([410, 'link_not_usable']);

    for (let n = 0; n < 2; n += 1) {
      const shown = await browser.open(link);
      expect([shown.status, shown.text.includes(user.email)]).toEqual([200, true]);
    }
    expect(isSignInPage(await browser.open(start.url))).toBe(true);
    const copy = browser.copy();
    expect(isBack((await browser.submit(await browser.open(link), 'link-confirm', {}, isBack)).url)).toBe(true);
    const over = await copy.open(link);
    expect([over.status, textOf(over, 'error-code')]).toEqual([410, 'link_not_usable']);
    expect((await copy.post(link, {})).status).toBe(410);
  });

  it('yields to nothing but its own secret', async () => {
    const user = await product.addUser();
    const { browser, start } = await ask(user.email);
    await mailTo(user.email);
    for (const key of ['', 'x', 'A'.repeat(43)]) {
      const page = await browser.open(`${start.url}/email/link?key=${key}`);
      expect([page.status, textOf(page, 'error-code')]).toEqual([410, 'link_not_usable']);
    }
  });
});

describe('where it is off', () => {
  beforeEach(() => offer('off'));

  it('is not offered, and its addresses lead back', async () => {
    const browser = new Browser();
    const start = await browser.open(app.request().url);
    expect(start.text).not.toContain('email-link');
    for (const path of ['email', 'email/code']) {
      expect(isSignInPage(await browser.open(start.url))).toBe(true);
      const answer = await browser.post(`${start.url}/${path}`, { email: 'ada@example.org', code: 'BCDF-GHJK' });
      expect([answer.status, answer.headers.get('location')]).toEqual([303, new URL(start.url).pathname]);
    }
    expect(product.app.core.settings.current().signIn.email).toBe('off');
  });
});
