import { describe, expect, it } from 'vitest';
import { openGallery } from './gallery.ts';

const gallery = openGallery();

describe('the focus, without script,', () => {
  const places = {
    'sign-in': 'login',
    'sign-in-hint': 'password',
    'sign-in-wrong': 'password',
    'sign-in-throttled': 'problem',
    code: 'code',
    'code-wrong': 'code',
    'code-throttled': 'problem',
    'enrolment-wrong': 'code',
    'account-password-wrong': 'current_password',
    'account-password-new-short': 'new_password',
    'account-password-throttled': 'problem',
    'account-remove-factor': 'code',
    'account-remove-passkey': 'code',
    'account-remove-passkey-wrong': 'problem',
    'account-passkey-wrong': 'problem',
    'sign-in-passkey-wrong': 'problem',
    'sign-in-beside-passkey': 'password',
    'second-factor-passkey-wrong': 'problem',
    'enrolment-passkey-wrong': 'problem',
    'device-input': 'user_code',
    'device-input-throttled': 'problem',
    forgot: 'email',
    'forgot-missing': 'email',
    'forgot-throttled': 'problem',
    reset: 'password',
    'reset-short': 'password',
    'reset-busy': 'problem',
    'set-up': 'email',
    'set-up-wrong': 'email',
    'set-up-password-short': 'password',
    'home-first-app-wrong': 'redirect_uri',
  };
  it('lands where the person goes on', async () => {
    const context = await gallery.openBrowser({ width: 390, scheme: 'light' });
    const page = await context.newPage();
    for (const [name, id] of Object.entries(places)) {
      await page.goto(`${gallery.origin}/${name}`);
      await expect.poll(() => page.evaluate('document.activeElement.id'), { message: name }).toBe(id);
    }
    await context.close();
  });
});
