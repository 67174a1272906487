import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, walk } from '../kit/relying-app.ts';
import { rows } from '../protocol/kit/tables.ts';
import { advance } from '../protocol/kit/time.ts';
import {
  codeOf,
  enrol,
  enrolOnPage,
  hrefOf,
  isCodePage,
  isEnrolmentPage,
  isSignInPage,
  type Kept,
  multiFactor,
  type Person,
  setPolicy,
  singleFactor,
  typeCode,
  typePassword,
  wrongCodeOf,
} from './kit.ts';

let product: Product;
let app: RelyingApp;
let user: Person;
let kept: Kept;

beforeAll(async () => {
  // Cheap hashes: codes are what is tested here.
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  app = await addWebApp(product, { first_party: true });
});
beforeEach(async () => {
  await setPolicy(product, 'optional');
  user = await product.addUser();
  kept = await enrol(product, user);
  advance(900);
});
afterAll(() => product.stop());

/** The page behind the password. */
async function afterPassword(
  browser = new Browser(),
  parameters: Record<string, string> = {},
  person = user,
): Promise<{ browser: Browser; page: Page; verifier: string }> {
  const { url, verifier } = app.request(parameters);
  const page = await typePassword(browser, await browser.open(url, isBack), person);
  return { browser, page, verifier };
}

async function claimsBehind(page: Page, verifier: string): Promise<Record<string, unknown>> {
  const code = new URL(page.url).searchParams.get('code') ?? '';
  return decodeJwt(String((await app.exchange(code, verifier)).body['id_token']));
}

describe('a person with an authenticator app', () => {
  it('is asked for a code behind the password, and the app is told what was done', async () => {
    const { browser, page, verifier } = await afterPassword();
    expect([page.status, isCodePage(page)]).toEqual([200, true]);
    const back = await typeCode(browser, page, codeOf(kept.secret));
    expect(isBack(back.url)).toBe(true);
    const claims = await claimsBehind(back, verifier);
    expect(claims).toMatchObject({ sub: user.id, acr: multiFactor, amr: ['pwd', 'otp', 'mfa'] });
    const types = (await product.events()).filter(({ subject }) => subject === user.id).map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['factor.verified', 'session.started']));
  });

  it('may type the code of the step before or behind, with spaces, and each only once', async () => {
    const early = codeOf(kept.secret, -1);
    const first = await afterPassword();
    expect(isBack((await typeCode(first.browser, first.page, `${early.slice(0, 3)} ${early.slice(3)}`)).url)).toBe(
      true,
    );
    const second = await afterPassword();
    const again = await typeCode(second.browser, second.page, early);
    expect([again.status, again.text.includes('used already')]).toEqual([401, true]);
    expect(isBack((await typeCode(second.browser, again, codeOf(kept.secret, 1))).url)).toBe(true);
    // A step that lies before a used one is over as well.
    const third = await afterPassword();
    expect((await typeCode(third.browser, third.page, codeOf(kept.secret))).status).toBe(401);
    for (const steps of [-2, 2]) {
      const far = await afterPassword();
      expect((await typeCode(far.browser, far.page, codeOf(kept.secret, steps))).status).toBe(401);
    }
  });

  it('is told what is wrong with a code, and the audit that it was wrong', async () => {
    const { browser, page } = await afterPassword();
    expect((await typeCode(browser, page, '')).status).toBe(400);
    const wrong = await typeCode(browser, page, wrongCodeOf(kept.secret));
    expect([wrong.status, isCodePage(wrong)]).toEqual([401, true]);
    const failed = (await product.events('signin.failed')).filter(({ subject }) => subject === user.id);
    expect(failed.map(({ reason }) => reason)).toEqual(['wrong_code']);
  });

  it('may take a recovery code instead, each once', async () => {
    const [code = ''] = kept.recoveryCodes;
    const first = await afterPassword();
    const other = await first.browser.submit(first.page, 'use-another-way');
    expect(other.text).toContain('Enter a recovery code');
    expect(isBack((await typeCode(first.browser, other, code.toUpperCase().replace('-', ' '))).url)).toBe(true);
    const second = await afterPassword();
    const refused = await typeCode(second.browser, await second.browser.submit(second.page, 'use-another-way'), code);
    expect([refused.status, refused.text.includes('Enter a recovery code')]).toEqual([401, true]);
  });

  it('is held back after five wrong codes from one place, whatever passwords were right meanwhile', async () => {
    const statuses: number[] = [];
    for (let tries = 0; tries < 6; tries += 1) {
      const { browser, page } = await afterPassword();
      statuses.push(isCodePage(page) ? (await typeCode(browser, page, wrongCodeOf(kept.secret))).status : page.status);
    }
    expect(statuses).toEqual([...Array(5).fill(401), 429]);
  });

  it('has a secret and codes that no copy of the database holds', async () => {
    const stored = JSON.stringify([
      await rows(product.database, 'SELECT * FROM totp_factors'),
      await rows(product.database, 'SELECT * FROM recovery_codes'),
    ]);
    expect(stored).not.toContain(kept.secret);
    for (const code of kept.recoveryCodes) expect(stored).not.toContain(code);
  });

  it('has ten minutes for the code, then the password is asked for again', async () => {
    const { browser, page } = await afterPassword();
    advance(601);
    const late = await typeCode(browser, page, codeOf(kept.secret));
    expect(isSignInPage(late)).toBe(true);
  });

  it('can say that it is somebody else', async () => {
    const { browser, page } = await afterPassword();
    expect(isSignInPage(await browser.submit(page, 'not-you'))).toBe(true);
    expect(isSignInPage(await typeCode(browser, page, codeOf(kept.secret)))).toBe(true);
  });
});

describe('of any number of racers with one code', () => {
  it.each(['a code of the app', 'a recovery code'])('one signs in: %s', async (which) => {
    const code = which === 'a recovery code' ? (kept.recoveryCodes[1] ?? '') : codeOf(kept.secret);
    // Fewer than the throttle holds back at once.
    const racers = await Promise.all(Array.from({ length: 8 }, () => afterPassword()));
    const pages = await Promise.all(racers.map(({ browser, page }) => typeCode(browser, page, code)));
    expect(pages.filter(({ url }) => isBack(url))).toHaveLength(1);
    expect(pages.filter(({ status }) => status >= 500)).toEqual([]);
  });
});

describe('where a second factor is required', () => {
  beforeEach(() => setPolicy(product, 'required'));

  it('a person without one sets it up before anything is handed out', async () => {
    const person = await product.addUser();
    const { browser, page, verifier } = await afterPassword(new Browser(), {}, person);
    expect([page.status, isEnrolmentPage(page)]).toEqual([200, true]);
    expect(page.headers.get('content-security-policy')).toContain("style-src 'self'");
    expect(page.text).not.toMatch(/style="/);
    const wrong = await browser.submit(page, 'code-submit', { code: '000000' });
    expect([wrong.status, isEnrolmentPage(wrong)]).toEqual([401, true]);
    const enrolled = await enrolOnPage(browser, wrong);
    expect(new Set(enrolled.recoveryCodes).size).toBe(10);
    const back = await browser.open(hrefOf(enrolled.page, 'recovery-done'), isBack);
    expect(isBack(back.url)).toBe(true);
    expect(await claimsBehind(back, verifier)).toMatchObject({ acr: multiFactor, amr: ['pwd', 'otp', 'mfa'] });
    // From now on there is a code to show, and the codes that were shown work.
    advance(60);
    const next = await afterPassword(new Browser(), {}, person);
    expect(isCodePage(next.page)).toBe(true);
    expect(isBack((await typeCode(next.browser, next.page, enrolled.recoveryCodes[9] ?? '')).url)).toBe(true);
  });

  it('an enrolment form of one sign-in is worth nothing in another', async () => {
    const person = await product.addUser();
    const [one, other] = [
      await afterPassword(new Browser(), {}, person),
      await afterPassword(new Browser(), {}, person),
    ];
    const sealed = /name="enrolment" value="([^"]*)"/.exec(one.page.text)?.[1] ?? '';
    const secret = /id="totp-secret"[^>]*>([^<]*)</.exec(one.page.text)?.[1] ?? '';
    const refused = await other.browser.submit(other.page, 'code-submit', { enrolment: sealed, code: codeOf(secret) });
    expect([refused.status, isEnrolmentPage(refused)]).toEqual([400, true]);
    expect(refused.text).not.toContain(secret);
  });

  it('of two tabs that set one up at once, one does', async () => {
    const person = await product.addUser();
    const tabs = [await afterPassword(new Browser(), {}, person), await afterPassword(new Browser(), {}, person)];
    const done = await Promise.all(
      tabs.map(({ browser, page }) => {
        const secret = /id="totp-secret"[^>]*>([^<]*)</.exec(page.text)?.[1] ?? '';
        return browser.submit(page, 'code-submit', { code: codeOf(secret) });
      }),
    );
    expect(done.map((page) => page.text.includes('id="recovery-codes"')).sort()).toEqual([false, true]);
    expect(await rows(product.database, 'SELECT id FROM totp_factors WHERE user_id = ?1', [person.id])).toHaveLength(1);
  });
});

describe('where second factors are off', () => {
  beforeEach(() => setPolicy(product, 'off'));

  it('nobody is asked, and no more is promised or told than was done', async () => {
    const { page, verifier } = await afterPassword(new Browser(), { acr_values: multiFactor });
    expect(isBack(page.url)).toBe(true);
    expect(await claimsBehind(page, verifier)).toMatchObject({ acr: singleFactor, amr: ['pwd'] });
    const discovery = (await (await fetch(`${product.url}/.well-known/openid-configuration`)).json()) as object;
    expect(discovery).toMatchObject({ acr_values_supported: [singleFactor] });
  });

  it('an app that cannot do without one is told', async () => {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, value: multiFactor } } });
    const page = await new Browser().open(app.request({ claims }).url, isBack);
    expect(new URL(page.url).searchParams.get('error')).toBe('unmet_authentication_requirements');
  });
});

describe('a reset by the operator', () => {
  it('takes every factor away, once', async () => {
    const by = { actor: { kind: 'system' as const }, facts: {} };
    expect(await product.app.core.mfa.reset(user.id, by)).toBe(true);
    expect(await product.app.core.mfa.reset(user.id, by)).toBe(false);
    expect(isBack((await afterPassword()).page.url)).toBe(true);
    expect(await rows(product.database, 'SELECT id FROM recovery_codes WHERE user_id = ?1', [user.id])).toEqual([]);
  });
});

describe('the steps', () => {
  it('are of no use out of their turn', async () => {
    const browser = new Browser();
    const start = await browser.open(app.request().url, isBack);
    const interaction = `${product.url}${new URL(start.url).pathname}`;
    for (const step of ['code', 'enrolment']) {
      const early = await browser.post(`${interaction}/${step}`, { code: codeOf(kept.secret) });
      expect([early.status, early.headers.get('location')]).toEqual([303, new URL(interaction).pathname]);
    }
    // A code that was posted too early is not used up.
    const { page } = { page: await typePassword(browser, start, user) };
    const sneaky = await browser.post(`${interaction}/enrolment`, { code: codeOf(kept.secret) });
    expect([sneaky.status, sneaky.headers.get('location')]).toEqual([303, new URL(interaction).pathname]);
    expect(isBack((await typeCode(browser, page, codeOf(kept.secret))).url)).toBe(true);
  });

  it('are refused in another browser', async () => {
    const { page } = await afterPassword();
    const other = new Browser();
    expect((await typeCode(other, page, codeOf(kept.secret))).status).toBe(400);
    const own = new Browser();
    await own.open(app.request().url, isBack);
    expect((await typeCode(own, page, codeOf(kept.secret))).status).toBe(400);
  });

  it('taken twice lead on, and hand out once', async () => {
    const { browser, page } = await afterPassword();
    const code = codeOf(kept.secret);
    const twin = browser.copy();
    const twice = await Promise.all([typeCode(browser, page, code), typeCode(twin, page, code)]);
    expect(twice.filter(({ url }) => isBack(url))).toHaveLength(1);
    expect(await walk(browser, page, user)).toBe(page);
  });
});
