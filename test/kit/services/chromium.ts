import { type Browser, chromium, type LaunchOptions } from 'playwright';
import { debianFile } from './child.ts';

/** How Debian's Chromium starts in a test: headless, and without any call of its own to the outside. */
export function chromiumOptions(): LaunchOptions {
  return {
    executablePath: debianFile(['/usr/bin/chromium'], 'chromium'),
    headless: true,
    // However slow the machine is.
    timeout: 120_000,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  };
}

/** A browser; each test opens its own context in it. Throws when Debian's package is missing. */
export function launchBrowser(options: LaunchOptions = {}): Promise<Browser> {
  return chromium.launch({ ...chromiumOptions(), ...options });
}
