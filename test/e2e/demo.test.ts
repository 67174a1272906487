import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cleanEnvironment, startChild } from '../kit/services/child.ts';
import { launchBrowser } from '../kit/services/chromium.ts';
import { temporaryFolder } from '../kit/services/folder.ts';
import { freePort } from '../kit/services/free-port.ts';

const program = join(import.meta.dirname, '../../bin/demo.mjs');

/** What follows the word on its line. */
const told = (text: string, label: RegExp): string => label.exec(text)?.[1] ?? '';

it('the demo says how to sign in, and what it says works', async () => {
  const data = temporaryFolder('demo');
  const env = {
    ...cleanEnvironment(),
    DEMO_DATA_DIR: data.path,
    DEMO_APP_PORT: String(await freePort()),
    POSTERN_PORT: String(await freePort()),
    POSTERN_MANAGEMENT_PORT: String(await freePort()),
  };
  const demo = startChild(process.execPath, [program], { env });
  await expect.poll(() => demo.stdout(), { interval: 50 }).toContain('Ctrl-C');
  const address = told(demo.stdout(), /Open +(\S+)/);
  const email = told(demo.stdout(), /E-mail +(\S+)/);
  const password = told(demo.stdout(), /Password +(\S+)/);

  const browser = await launchBrowser();
  const page = await browser.newPage();
  await page.goto(address);
  await page.getByText('Sign in').click();
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.click('#login-submit');
  await page.getByText('Allow').click();
  expect(await page.textContent('h1')).toBe('Signed in as Ada Lovelace');
  expect(await page.textContent('#claims')).toContain(email);

  await page.click('#sign-out');
  await page.click('#logout-yes');
  await page.waitForURL(address);
  expect(await page.textContent('h1')).toBe('Signed out');
  await browser.close();

  demo.signal('SIGINT');
  expect((await demo.exited).code).toBe(0);
  // Both have ended with it: nobody answers any more.
  await expect(fetch(address)).rejects.toThrow();
  data.remove();
});
