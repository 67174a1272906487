import { TOTP } from 'otpauth';
import { byOperator } from '../../src/features/audit/module.ts';
import { type Browser, type Page, textOf } from '../kit/browser.ts';
import type { Product, TestUser } from '../kit/product.ts';
import { isBack } from '../kit/relying-app.ts';

export const singleFactor = 'urn:postern:acr:1fa';
export const multiFactor = 'urn:postern:acr:2fa';

export type Person = TestUser & { readonly id: string };

/** What a person keeps beside their password. */
export interface Kept {
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
}

/** The code that an app shows now, or so many steps from now. */
export const codeOf = (secret: string, steps = 0): string =>
  TOTP.generate({ secret: new TOTP({ secret }).secret, timestamp: Date.now() + steps * 30_000 });

/** A code that is right at no time near. */
export function wrongCodeOf(secret: string): string {
  const right = [-2, -1, 0, 1, 2].map((steps) => codeOf(secret, steps));
  return ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !right.includes(code)) ?? '';
}

/** Sets up an authenticator app without its pages. The step before the present one is used up by it. */
export async function enrol({ app, database }: Product, { id, email }: Person): Promise<Kept> {
  const place = { userId: id, scope: 'test' };
  const { enrolment } = app.core.mfa;
  const { secret, sealed } = enrolment.begin(place, email);
  const outcome = enrolment.confirm(place, { sealed, code: codeOf(secret, -1), address: undefined });
  if (outcome.kind !== 'enrolled') throw new Error(`the enrolment ended as ${outcome.kind}`);
  await database.commit({ operations: outcome.operations, fallback: [] });
  return { secret, recoveryCodes: outcome.recoveryCodes };
}

/** Changes the policy as a command does. */
export async function setPolicy({ app }: Product, policy: 'off' | 'optional' | 'required'): Promise<void> {
  await app.core.settings.set({ mfa: { policy } }, byOperator);
  await app.core.settings.reload();
  app.protocol.rebuild();
}

export const isCodePage = (page: Page): boolean => page.text.includes('id="code-page"');
export const isEnrolmentPage = (page: Page): boolean => page.text.includes('id="enrolment-page"');
export const isSignInPage = (page: Page): boolean => page.text.includes('id="login-page"');

/** Types login and password on the sign-in page, and stops at whatever comes next. */
export const typePassword = (browser: Browser, page: Page, { email, password }: Person): Promise<Page> =>
  browser.submit(page, 'login-submit', { login: email, password }, isBack);

/** Types a code on the page that asks for one. */
export const typeCode = (browser: Browser, page: Page, code: string): Promise<Page> =>
  browser.submit(page, 'code-submit', { code }, isBack);

/** The secret of the app that an enrolment page shows. */
export const textOfSecret = (page: Page): string => textOf(page, 'totp-secret') ?? '';

/** Goes from the enrolment page to the page of recovery codes. */
export async function enrolOnPage(browser: Browser, page: Page): Promise<Kept & { readonly page: Page }> {
  const secret = textOfSecret(page);
  const shown = await browser.submit(page, 'code-submit', { code: codeOf(secret) }, isBack);
  return { secret, recoveryCodes: recoveryCodesOn(shown), page: shown };
}

export const recoveryCodesOn = ({ text }: Page): string[] => {
  const list = /id="recovery-codes"[\s\S]*?<\/ul>/.exec(text)?.[0] ?? '';
  return [...list.matchAll(/<code>([^<]+)<\/code>/g)].map(([, code = '']) => code);
};

/** Where a link of this id leads. */
export const hrefOf = (page: Page, id: string): string => {
  const tag = new RegExp(`<a[^>]*id="${id}"[^>]*>`).exec(page.text)?.[0] ?? '';
  const href = /href="([^"]*)"/.exec(tag)?.[1] ?? '';
  return new URL(href.replaceAll('&amp;', '&'), page.url).href;
};
