import type { Page } from 'playwright';
import { signIn } from '../../e2e/kit.ts';
import { codeOf } from '../../mfa/kit.ts';

/** Where a person looks after their account, and who they are. */
export interface SecondStep {
  readonly url: string;
  readonly person: { readonly email: string; readonly password: string };
  /** Watches a secret that was met. */
  readonly plant: (kind: string, value: string | null) => string;
}

/** Sets a second step up, signs in by a wrong and a right recovery code, and gets new codes. */
export async function takeSecondStep(page: Page, { url, person, plant }: SecondStep): Promise<void> {
  const codesShown = async () => {
    const codes = await page.locator('#recovery-codes li').allTextContents();
    return codes.map((code) => plant('recovery code', code));
  };
  await page.goto(`${url}/account`);
  await page.click('#sign-in-link');
  await signIn(page, person);
  await page.click('#factor-add');
  const secret = plant('secret of an app', await page.textContent('#totp-secret'));
  await page.fill('input[name=code]', codeOf(secret));
  await page.click('#code-submit');
  const [first = ''] = await codesShown();
  await page.click('#recovery-done');
  await page.click('#sign-out');
  await page.goto(`${url}/account`);
  await page.click('#sign-in-link');
  await signIn(page, person);
  await page.fill('input[name=code]', plant('recovery code', 'zzzzz-zzzzz'));
  await page.click('#code-submit');
  await page.waitForSelector('#problem');
  await page.fill('input[name=code]', first);
  await page.click('#code-submit');
  await page.click('#recovery-regenerate');
  await codesShown();
}
