import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Kind, kinds, seedOf, somebody } from '../federation/kinds.ts';
import { appOf } from '../kit/operator.ts';
import { startUpstream, type Upstream } from '../kit/upstreams/upstream.ts';
import {
  allowIfAsked,
  authorizationUrl,
  type Harbour,
  harbourClient,
  openHarbour,
  openStage,
  openWindow,
  pkce,
  type Stage,
  signIn,
  type Watch,
  watch,
} from './kit.ts';

let stage: Stage;
let harbour: Harbour;
const upstreams = new Map<Kind, Upstream>();

const password = 'a long enough password';
/** Who has an account here under the address that the provider tells. */
const owner = ({ name }: Kind, who: 'linked' | 'kept') => ({ email: `${who}@${name}.example`, password });

beforeAll(async () => {
  harbour = await openHarbour();
  for (const kind of kinds) upstreams.set(kind, await startUpstream(kind.name, { ...kind.options, asks: true }));
  const owners = kinds.flatMap((kind) => [owner(kind, 'linked'), owner(kind, 'kept')]);
  stage = await openStage({
    users: owners.map((user) => ({ ...user, email_verified: true })),
    providers: [...[...upstreams].map(([kind, upstream]) => seedOf(kind, upstream)), leftEverywhere()],
    clients: [{ ...harbourClient(harbour), first_party: true }],
  });
});
afterAll(async () => {
  await stage?.close();
  await harbour?.close();
  await Promise.all([...upstreams.values()].map((one) => one.stop()));
});

/** The standard's stand-in once more, where a sign-out here is one there as well. */
function leftEverywhere() {
  const [kind, upstream] = standardOne();
  return { ...seedOf(kind, upstream, 'left'), policy: { create: true, logout: 'everywhere' } } as const;
}

function standardOne(): [Kind, Upstream] {
  const found = [...upstreams].find(([{ name }]) => name === 'oidc');
  if (!found) throw new Error('no stand-in that keeps to the standard');
  return found;
}

interface Way {
  readonly kind: Kind;
  readonly upstream: Upstream;
  readonly javaScriptEnabled: boolean;
}

/** A window that complains of whatever a page must not do. */
async function open({ upstream, javaScriptEnabled }: Way): Promise<{ page: Page; observed: Watch }> {
  const page = await openWindow(stage, { javaScriptEnabled });
  return { page, observed: watch(page.context(), [stage.server.url, harbour.url, upstream.url]) };
}

/** Answers at the provider; without scripts its form is sent by hand. */
async function answerThere(page: Page, { kind, javaScriptEnabled }: Way, answer: string): Promise<void> {
  await page.click(`#${answer}`);
  if (kind.name === 'apple' && !javaScriptEnabled) await page.click('#form-post');
}

/** Begins at the app, chooses the provider, and answers there. */
async function arrive(page: Page, way: Way, answer: string): Promise<void> {
  await page.goto(authorizationUrl(stage, harbour));
  await page.click(`#choose-${way.kind.name}`);
  await answerThere(page, way, answer);
}

const isThere = (page: Page) => (): boolean => page.url().startsWith(`${harbour.callback}?`);

/** Signs in to look after one's account. */
async function openAccount(page: Page, way: Way, answer: string): Promise<void> {
  await page.goto(`${stage.server.url}/account`);
  if (await page.locator('#sign-in-link').isVisible()) await page.click('#sign-in-link');
  await page.click(`#choose-${way.kind.name}`);
  await answerThere(page, way, answer);
  await page.waitForURL(`${stage.server.url}/account`);
}

/** Whose account the app was told of: its id, and its address. */
async function account(page: Page): Promise<{ sub: string; email: string }> {
  await allowIfAsked(page, isThere(page));
  const app = appOf(stage.server, 'harbour-books', harbourClient(harbour).client_secret);
  const code = new URL(page.url()).searchParams.get('code') ?? '';
  const { body } = await app.exchange(code, pkce.verifier, { redirect_uri: harbour.callback });
  const { sub, email } = (await app.userinfo(body['access_token'])).body as { sub: string; email: string };
  return { sub, email };
}

/** Whether the page asks whoever has the account to prove it. */
async function asksFor(page: Page, email: string): Promise<boolean> {
  await page.waitForSelector('#login-page');
  return (await page.locator('.lead').first().textContent())?.includes(email) ?? false;
}

const isLong = process.env.POSTERN_TEST_LONG === '1';
/** Every way is walked to both ends; those that differ most from one another every step of it, in the long run all. */
const whole: ReadonlySet<string> = new Set(isLong ? kinds.map(({ name }) => name) : ['google', 'apple', 'github']);

const ways = kinds.flatMap((kind) => [
  { kind, name: kind.name, javaScriptEnabled: false },
  // Scripts change something only where the provider's page posts; one more shows that they disturb nothing.
  ...((isLong ? ['apple', 'oidc'] : ['apple']).includes(kind.name)
    ? [{ kind, name: kind.name, javaScriptEnabled: true }]
    : []),
]);

describe.each(ways)('$name, JavaScript: $javaScriptEnabled', ({ kind, name, javaScriptEnabled }) => {
  const run = javaScriptEnabled ? '2' : '1';
  const [newcomer, linked, kept] = [`${run}1815`, `${run}1843`, `${run}1852`];
  let way: Way;
  beforeAll(() => {
    const upstream = upstreams.get(kind);
    if (!upstream) throw new Error(`no stand-in for ${name}`);
    way = { kind, upstream, javaScriptEnabled };
    upstream.addPerson(somebody(kind, { sub: newcomer, email: `new${run}@${name}.example` }));
    upstream.addPerson(somebody(kind, { sub: linked, email: owner(kind, 'linked').email }));
    upstream.addPerson(somebody(kind, { sub: kept, email: owner(kind, 'kept').email }));
  });

  it('lets somebody in who was never here, and again, with one account', async () => {
    const seen: unknown[] = [];
    for (let time = 0; time < 2; time += 1) {
      const { page, observed } = await open(way);
      await arrive(page, way, `person-${newcomer}`);
      seen.push(await account(page));
      expect(observed.complaints).toEqual([]);
      await page.context().close();
    }
    expect(seen[0]).toEqual({ sub: expect.any(String), email: `new${run}@${name}.example` });
    expect(seen[1]).toEqual(seen[0]);
  });

  it.each(name === 'apple' ? [name] : [])(
    'is answered by another site’s form, to which only the attempt’s cookie comes',
    async () => {
      const { page, observed } = await open(way);
      const brought: Promise<Record<string, string>>[] = [];
      page.on('request', (request) => {
        if (request.method() === 'POST' && request.url().endsWith('/federation/apple/callback'))
          brought.push(request.allHeaders());
      });
      // The second time there is a session here, whose cookie is not for forms of others.
      for (const parameters of [{}, { prompt: 'login' }]) {
        await page.goto(authorizationUrl(stage, harbour, parameters));
        await page.click('#choose-apple');
        await answerThere(page, way, `person-${newcomer}`);
        await allowIfAsked(page, isThere(page));
      }
      const [first, second] = await Promise.all(brought);
      for (const headers of [first, second]) {
        expect(headers).toMatchObject({ 'sec-fetch-site': 'cross-site', origin: way.upstream.url });
        expect(headers?.['cookie']).toMatch(/^postern\.federation\.[\w-]+=[\w-]+$/);
      }
      expect((await page.context().cookies(stage.server.url)).map((one) => one.name)).toContain('session');
      expect(observed.complaints).toEqual([]);
      await page.context().close();
    },
  );

  it('comes back to the sign-in page when the person says no there', async () => {
    const { page, observed } = await open(way);
    await arrive(page, way, 'upstream-deny');
    await page.waitForSelector('#login-page');
    await page.waitForSelector('#problem');
    expect(observed.complaints).toEqual([]);
    await page.context().close();
  });

  it('is connected once its person has proved the account, and is then enough', async () => {
    const { email } = owner(kind, 'linked');
    const first = await open(way);
    await arrive(first.page, way, `person-${linked}`);
    expect(await asksFor(first.page, email)).toBe(true);
    await signIn(first.page, owner(kind, 'linked'));
    expect(await account(first.page)).toMatchObject({ email });
    const second = await open(way);
    await arrive(second.page, way, `person-${linked}`);
    expect(await account(second.page)).toMatchObject({ email });
    expect([...first.observed.complaints, ...second.observed.complaints]).toEqual([]);
    await Promise.all([first, second].map(({ page }) => page.context().close()));
  });

  if (!whole.has(name)) return;

  it('is not connected to an account whose person does not prove it', async () => {
    const { page } = await open(way);
    const { email } = owner(kind, 'kept');
    await arrive(page, way, `person-${kept}`);
    expect(await asksFor(page, email)).toBe(true);
    await signIn(page, { email, password: 'somebody who guesses' });
    await page.waitForSelector('#problem');
    await page.click('#deny');
    await page.waitForURL(`${harbour.callback}?*`);
    // Nothing was kept of it: the next time asks again.
    await arrive(page, way, `person-${kept}`);
    expect(await asksFor(page, email)).toBe(true);
    await page.context().close();
  });

  it('is taken off the account by its person, and asks for proof again', async () => {
    const { page, observed } = await open(way);
    const { email } = owner(kind, 'linked');
    await openAccount(page, way, `person-${linked}`);
    await page.click('#identity-unlink');
    await page.waitForURL('**/account?done=identity-unlinked');
    expect(await page.locator('#identity-unlink').count()).toBe(0);
    expect(await page.locator(`#identity-link-${name}`).count()).toBe(1);
    await page.click('#sign-out');
    await arrive(page, way, `person-${linked}`);
    expect(await asksFor(page, email)).toBe(true);
    expect(observed.complaints).toEqual([]);
    await page.context().close();
  });

  it('stays where it is the only way in', async () => {
    const { page } = await open(way);
    await openAccount(page, way, `person-${newcomer}`);
    await page.click('#identity-unlink');
    await page.waitForSelector('#problem');
    expect(await page.locator('#identity-unlink').count()).toBe(1);
    await page.context().close();
  });
});

describe.each([true, false])('a sign-out there and back, JavaScript: %s', (javaScriptEnabled) => {
  it('passes the provider on the way from the page to where it leads', async () => {
    const [kind, upstream] = standardOne();
    const { page, observed } = await open({ kind, upstream, javaScriptEnabled });
    const sub = `${javaScriptEnabled ? 3 : 4}1906`;
    upstream.addPerson(somebody(kind, { sub, email: `grace${sub}@oidc.example` }));
    const signInHere = async (): Promise<void> => {
      await page.goto(`${stage.server.url}/account`);
      await page.click('#sign-in-link');
      await page.click('#choose-left');
      await page.click(`#person-${sub}`);
      await page.waitForURL(`${stage.server.url}/account`);
    };
    const passed = (): number => upstream.requests.filter(({ endpoint }) => endpoint === 'endSession').length;
    const before = passed();
    await signInHere();
    await page.click('#sign-out');
    await page.waitForURL(`${stage.server.url}/`);
    expect(passed()).toBe(before + 1);
    await signInHere();
    const asked = { client_id: 'harbour-books', post_logout_redirect_uri: `${harbour.url}/`, state: 'bye' };
    await page.goto(`${stage.server.url}/logout?${new URLSearchParams(asked)}`);
    await page.click('#logout-yes');
    await page.waitForURL(`${harbour.url}/?state=bye`);
    expect(passed()).toBe(before + 2);
    expect(observed.complaints).toEqual([]);
    await page.context().close();
  });
});
