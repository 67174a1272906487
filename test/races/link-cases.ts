import { randomUUID } from 'node:crypto';
import { createAddressStore } from '../../src/features/addresses/store.ts';
import { createRegistrationStore } from '../../src/features/registration/store.ts';
import type { LinkPurpose } from '../../src/features/users/module.ts';
import { sha256 } from '../../src/foundation/crypto/hash.ts';
import type { Operation } from '../../src/foundation/db/statement.ts';
import { Authenticator } from '../kit/authenticator.ts';
import type { RaceAnswer, RaceRequest } from '../kit/barrier.ts';
import { Browser } from '../kit/browser.ts';
import type { Product } from '../kit/product.ts';
import { addWebApp, isBack } from '../kit/relying-app.ts';
import { enrolPasskey, signedForm } from '../passkeys/kit.ts';
import type { RaceCase } from './cases.ts';

const by = { actor: { kind: 'system' }, facts: {} } as const;
const ttlSeconds = 600;
const moved = (answer: RaceAnswer): boolean => answer.status === 303;

/** Links of mails. Each racer has opened the mail; the address behind it does its work once. */
export function linkCases(product: Product): RaceCase[] {
  return [
    unlockCase(product),
    notMeCase(product),
    undoCase(product),
    undeleteCase(product),
    verificationCase(product),
    invitationCase(product),
  ];
}

/**
 * Of these no store that only forgets a secret's use lets two win: the account that they make, or open, is itself there
 * once (unique address, conditional update).
 */
export const lockedTwice: readonly string[] = ['undelete link', 'verification link', 'invitation link'];

const keep = (product: Product, operations: readonly Operation[]) =>
  product.database.commit({ operations: [...operations], fallback: [] });

/** A request of a racer who clicks. */
const click =
  (path: string, { form = {}, cookie }: { form?: Record<string, string>; cookie?: string } = {}) =>
  (origin: string): RaceRequest => ({
    origin,
    method: 'POST',
    path,
    headers: { 'sec-fetch-site': 'same-origin', ...(cookie === undefined ? {} : { cookie }) },
    form,
  });

async function makeLink({ app, ...product }: Product, purpose: LinkPurpose, subject: string): Promise<string> {
  const { secret, operations } = app.core.users.links.prepare(purpose, { ttlSeconds, subject }, by);
  await keep({ app, ...product }, operations);
  return secret;
}

/** Throws unless so many events of a type are about this person. */
async function expectEvents({ events }: Product, type: string, subject: string, count: number): Promise<void> {
  const found = (await events(type)).filter((one) => one.subject === subject && one.outcome === 'success');
  if (found.length !== count) throw new Error(`${found.length} times ${type} in place of ${count}`);
}

function unlockCase(product: Product): RaceCase {
  let userId = '';
  return {
    name: 'unlock link',
    async prepare() {
      userId = (await product.addUser()).id;
      return click(`/unlock?key=${await makeLink(product, 'unlock', userId)}`);
    },
    won: moved,
    verify: () => expectEvents(product, 'account.unlocked', userId, 1),
  };
}

function notMeCase(product: Product): RaceCase {
  let userId = '';
  return {
    name: '“not me” link',
    async prepare() {
      userId = (await product.addUser()).id;
      return click(`/not-me?key=${await makeLink(product, 'not-me', userId)}`);
    },
    won: moved,
    async verify({ headers }) {
      await expectEvents(product, 'account.disowned', userId, 1);
      const next = /^location: (.*)$/im.exec(headers)?.[1] ?? '';
      const page = await new Browser().open(new URL(next, product.url).href);
      if (!page.text.includes('id="reset-submit"')) throw new Error('the winner cannot set a password');
    },
  };
}

/** A change of address that took effect, and the link in the former mailbox. */
function undoCase(product: Product): RaceCase {
  const store = createAddressStore({ database: product.database, clock: product.foundations.clock });
  let userId = '';
  let formerEmail = '';
  return {
    name: 'undo link of an address',
    async prepare() {
      const user = await product.addUser();
      userId = user.id;
      formerEmail = `former-${user.email}`;
      const [id, secret] = [sha256(randomUUID()), randomUUID()];
      const until = product.foundations.clock.now() + ttlSeconds * 1000;
      await keep(product, [store.put({ id, userId, formerEmail, email: user.email, expiresAt: until })]);
      await keep(product, [store.confirm(id, { hash: sha256(secret), undoUntil: until })]);
      return click(`/email/undo?key=${secret}`);
    },
    won: moved,
    async verify() {
      const user = await product.app.core.users.find(userId);
      if (user?.email !== formerEmail) throw new Error('the former address is not the account’s');
    },
  };
}

function undeleteCase(product: Product): RaceCase {
  const { users } = product.app.core;
  let userId = '';
  return {
    name: 'undelete link',
    async prepare() {
      const { id } = await product.addUser();
      const user = await users.find(id);
      const scheduled = user && (await product.app.deletions.schedule(user, by, 'en'));
      if (typeof scheduled !== 'object') throw new Error('the deletion was not scheduled');
      userId = id;
      return click(scheduled.undoPath);
    },
    won: moved,
    async verify() {
      await expectEvents(product, 'user.deletion_undone', userId, 1);
      if ((await users.find(userId))?.disabledAt !== undefined) throw new Error('the account is still closed');
    },
  };
}

/** The link that confirms a registration, in the browser that filled in the form. */
function verificationCase(product: Product): RaceCase {
  const store = createRegistrationStore({ database: product.database, clock: product.foundations.clock });
  let email = '';
  return {
    name: 'verification link',
    async prepare() {
      email = `${randomUUID()}@example.org`;
      const [secret, browser] = [randomUUID(), randomUUID()];
      const registered = {
        id: sha256(secret),
        email,
        emailKey: email,
        passwordHash: (await product.app.core.passwords.hashOf('a password of eight words and more', { email })).hash,
        browserHash: sha256(browser),
        expiresAt: product.foundations.clock.now() + ttlSeconds * 1000,
      };
      await keep(product, [store.put(registered)]);
      return click(`/register/confirm?key=${secret}`, { cookie: `postern.registration=${browser}` });
    },
    won: moved,
    verify: () => expectAccount(product, email),
  };
}

function invitationCase(product: Product): RaceCase {
  let email = '';
  return {
    name: 'invitation link',
    async prepare() {
      email = `${randomUUID()}@example.org`;
      const secret = await makeLink(product, 'invite', email);
      return click(`/invitation?key=${secret}`, { form: { password: 'a password of eight words and more' } });
    },
    won: moved,
    verify: () => expectAccount(product, email),
  };
}

async function expectAccount(product: Product, email: string): Promise<void> {
  const user = await product.app.core.users.findByLogin(email);
  if (!user?.emailVerified) throw new Error('the winner has no account');
  await expectEvents(product, 'user.created', user.id, 1);
}

/** One signature of a passkey that counts nothing, sent again and again: only its challenge is used up. */
export async function passkeyCase(product: Product): Promise<RaceCase> {
  const app = await addWebApp(product, { first_party: true });
  let browser = new Browser();
  let start = '';
  let userId = '';
  return {
    name: 'passkey assertion',
    async prepare() {
      const user = await product.addUser();
      userId = user.id;
      const key = await enrolPasskey(product, user, new Authenticator(product.url, { synced: true }));
      browser = new Browser();
      const page = await browser.open(app.request().url);
      start = page.url;
      const { pathname } = new URL(start);
      const sent = browser.cookies().filter(({ path }) => path === '/' || path === pathname);
      return click(`${pathname}/sign-in/passkey`, {
        form: signedForm(page, 'passkey-sign-in', key) as Record<string, string>,
        cookie: sent.map(({ name, value }) => `${name}=${value}`).join('; '),
      });
    },
    won: moved,
    uses: async () => (await product.events('factor.verified')).filter(({ subject }) => subject === userId).length,
    async verify() {
      if (!isBack((await browser.open(start, isBack)).url)) throw new Error('the winner is not signed in');
    },
  };
}
