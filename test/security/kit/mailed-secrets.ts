import { Authenticator } from '../../kit/authenticator.ts';
import { Browser, formOf, type Page } from '../../kit/browser.ts';
import type { Seed } from '../../kit/operator.ts';
import type { ArrivedMail, MailServer } from '../../kit/services/mail-server.ts';
import { until } from '../../kit/until.ts';
import { hrefOf } from '../../mfa/kit.ts';
import { optionsOf, signedForm } from '../../passkeys/kit.ts';
import { askForReset, linkIn, mailTo } from '../../recovery/kit.ts';

/** A server with a mail server beside it, and who watches. */
export interface Watched {
  readonly url: string;
  readonly mails: MailServer;
  /** A person that was seeded. */
  readonly person: { readonly email: string; readonly password: string };
  readonly json: (...args: string[]) => Promise<{ readonly url: string }>;
  readonly apply: (seed: Seed) => Promise<void>;
  /** Watches a secret that was met. */
  readonly plant: (kind: string, value: string | null) => string;
  /** Notes where a browser was. */
  readonly visited: (address: string) => void;
  readonly newPassword: () => string;
}

/** Meets every secret that travels by mail, or that a passkey answers. */
export async function meetMailedSecrets(watched: Watched): Promise<void> {
  const walker = new Walker(watched);
  await walker.invitation();
  await watched.apply({ settings: { registration: { mode: 'open' }, signIn: { email: 'code' } } });
  await walker.registration();
  await walker.reset();
  await walker.notMe();
  await walker.deletion();
  await walker.address();
  await walker.passkey();
  await walker.code();
  await watched.apply({ settings: { signIn: { email: 'link' }, limits: { failuresPerAccount: 3 } } });
  await walker.link();
  await walker.unlock();
}

class Walker {
  readonly #on: Watched;
  #person: { email: string; password: string };

  constructor(on: Watched) {
    this.#on = on;
    this.#person = { ...on.person };
  }

  async invitation(): Promise<void> {
    const link = this.#planted('invitation', (await this.#on.json('user', 'invite', 'dora@example.org')).url);
    const browser = new Browser();
    await this.#send(browser, await this.#open(browser, link), 'register-submit', { password: this.#fresh() });
  }

  async registration(): Promise<void> {
    const [email, password, browser] = ['emil@example.org', this.#fresh(), new Browser()];
    await until('registration is open', async () => this.#has(`${this.#on.url}/register`, 'register-submit'));
    await this.#send(browser, await this.#open(browser, `${this.#on.url}/register`), 'register-submit', {
      email,
      password,
    });
    const link = this.#planted('registration link', linkIn(await this.#mail(email, /Confirm your address/)));
    const elsewhere = new Browser();
    await this.#send(elsewhere, await this.#open(elsewhere, link), 'link-confirm', { password: 'not the right one' });
    await this.#send(elsewhere, await this.#open(elsewhere, link), 'link-confirm', { password });
    await this.#open(elsewhere, link);
  }

  async reset(): Promise<void> {
    const { email } = this.#person;
    await askForReset(this.#on, email);
    await this.#setAnew(linkIn(await this.#mail(email, /Set a new password/)));
  }

  async notMe(): Promise<void> {
    await this.#enter();
    await this.#enter();
    const link = this.#planted('not-me link', linkIn(await this.#mail(this.#person.email, /New sign-in/)));
    const browser = new Browser();
    const reset = await this.#send(browser, await this.#open(browser, link), 'link-confirm');
    await this.#open(browser, link);
    await this.#setAnew(reset.url);
  }

  async deletion(): Promise<void> {
    const { browser, page } = await this.#enter();
    const asked = await this.#send(browser, page, 'delete-account');
    await this.#send(browser, asked, 'delete-account', { current_password: this.#person.password });
    const link = this.#planted('undelete link', linkIn(await this.#mail(this.#person.email, /is to be deleted/)));
    await this.#send(browser, await this.#open(browser, link), 'delete-undo');
    await this.#open(browser, link);
  }

  async address(): Promise<void> {
    const { browser, page } = await this.#enter();
    const [former, email] = [this.#person.email, `new-${this.#person.email}`];
    const form = await this.#open(browser, hrefOf(page, 'email-change'));
    await this.#send(browser, form, 'email-submit', { email, current_password: this.#person.password });
    const link = this.#planted('address link', linkIn(await this.#mail(email, /Confirm your address/)));
    await this.#send(browser, await this.#open(browser, link), 'link-confirm');
    const undo = this.#planted('undo link', linkIn(await this.#mail(former, /address of your account .* was changed/)));
    const undone = await this.#send(browser, await this.#open(browser, undo), 'link-confirm');
    await this.#open(browser, undo);
    await this.#setAnew(hrefOf(undone, 'address-password'));
  }

  async passkey(): Promise<void> {
    const { browser, page } = await this.#enter();
    const key = new Authenticator(this.#on.url);
    this.#challenge(page, 'passkey-add');
    const credential = key.create(optionsOf(page, 'passkey-add'));
    await this.#send(browser, page, 'passkey-add', { credential, name: 'Lighthouse' });
    const other = new Browser();
    const start = await this.#toSignIn(other);
    this.#challenge(start, 'passkey-sign-in');
    const form = signedForm(start, 'passkey-sign-in', key);
    await this.#send(other, start, 'passkey-sign-in', { ...form, credential: `${form.credential}x` });
    await this.#send(other, start, 'passkey-sign-in', form);
    await this.#send(other, start, 'passkey-sign-in', form);
  }

  async code(): Promise<void> {
    const { browser, sent, mail } = await this.#mailed(/sign-in code/);
    const [code = ''] = /\b[A-Z0-9]{4}-[A-Z0-9]{4}\b/.exec(mail.text) ?? [];
    this.#on.plant('mailed code', code);
    this.#on.plant('mailed code', code.replace('-', ''));
    await this.#send(browser, sent, 'code-submit', { code: 'BBBB-BBBB' });
    await this.#send(browser, sent, 'code-submit', { code });
  }

  async link(): Promise<void> {
    const isOffered = async () => /id="email-link"[^>]*>[^<]*link/.test((await this.#toSignIn(new Browser())).text);
    await until('links are offered', isOffered);
    const { browser, mail } = await this.#mailed(/sign-in link/);
    const link = this.#planted('sign-in link', linkIn(mail));
    await this.#open(new Browser(), link);
    await this.#send(browser, await this.#open(browser, link), 'link-confirm');
    await this.#open(browser, link);
  }

  async unlock(): Promise<void> {
    const { email } = this.#person;
    for (let tries = 0; tries < 4; tries += 1) {
      const browser = new Browser();
      const page = await this.#toSignIn(browser);
      await this.#send(browser, page, 'login-submit', { login: email, password: this.#fresh() });
    }
    const link = this.#planted('unlock link', linkIn(await this.#mail(email, /Too many tries/)));
    const browser = new Browser();
    await this.#send(browser, await this.#open(browser, link), 'link-confirm');
    await this.#open(browser, link);
  }

  async #setAnew(link: string): Promise<void> {
    this.#planted('reset link', link);
    const browser = new Browser();
    const page = await this.#open(browser, link);
    const password = this.#fresh();
    await this.#send(browser, page, 'reset-submit', { password: 'short' });
    await this.#send(browser, page, 'reset-submit', { password });
    await this.#open(browser, link);
    this.#person = { ...this.#person, password };
  }

  async #mailed(subject: RegExp): Promise<{ browser: Browser; sent: Page; mail: ArrivedMail }> {
    const { email } = this.#person;
    const browser = new Browser();
    const form = await this.#open(browser, hrefOf(await this.#toSignIn(browser), 'email-link'));
    const sent = await this.#send(browser, form, 'email-submit', { email });
    return { browser, sent, mail: await this.#mail(email, subject) };
  }

  async #toSignIn(browser: Browser): Promise<Page> {
    return this.#open(browser, hrefOf(await this.#open(browser, `${this.#on.url}/account`), 'sign-in-link'));
  }

  async #enter(): Promise<{ browser: Browser; page: Page }> {
    const browser = new Browser();
    const { email, password } = this.#person;
    const page = await this.#send(browser, await this.#toSignIn(browser), 'login-submit', { login: email, password });
    return { browser, page };
  }

  /** As the browser gets it, and as the form brings it back. */
  #challenge(page: Page, button: string): void {
    const { challenge } = JSON.parse(optionsOf(page, button)) as { challenge: string };
    this.#on.plant('passkey challenge', challenge);
    this.#on.plant('passkey challenge', formOf(page, button).fields['challenge'] ?? null);
  }

  #planted(kind: string, link: string): string {
    this.#on.plant(kind, new URL(link).searchParams.get('key'));
    return link;
  }

  readonly #fresh = (): string => this.#on.newPassword();

  #mail(email: string, subject: RegExp): Promise<ArrivedMail> {
    return mailTo(this.#on.mails, email, subject);
  }

  async #has(address: string, id: string): Promise<boolean> {
    return (await new Browser().open(address)).text.includes(`id="${id}"`);
  }

  async #open(browser: Browser, address: string): Promise<Page> {
    this.#on.visited(address);
    return this.#seen(browser, await browser.open(address));
  }

  async #send(browser: Browser, page: Page, button: string, fields: Record<string, string> = {}): Promise<Page> {
    return this.#seen(browser, await browser.submit(page, button, fields));
  }

  #seen(browser: Browser, page: Page): Page {
    this.#on.visited(page.url);
    for (const { name, value } of browser.cookies()) {
      if (!name.endsWith('.sig')) this.#on.plant(`${name} cookie`, value);
    }
    return page;
  }
}
