import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { secretHashes } from '../../src/features/email-sign-in/secret.ts';
import { createEmailSignInStore } from '../../src/features/email-sign-in/store.ts';
import { sha256 } from '../../src/foundation/crypto/hash.ts';
import { overlapping, type RaceAnswer, type RaceRequest, race } from '../kit/barrier.ts';
import { Browser } from '../kit/browser.ts';
import type { Product, TestUser } from '../kit/product.ts';
import { addWebApp, isBack, RelyingApp, redirectUri, send } from '../kit/relying-app.ts';
import { codeOf, enrol } from '../mfa/kit.ts';
import { addTill, askFor, cibaGrant, openApprovals } from '../protocol/kit/ciba.ts';
import { makeProofKey, proofFor } from '../protocol/kit/dpop.ts';

/** Something that must be won once. */
export interface RaceCase {
  readonly name: string;
  /** Makes what is raced for, and the request of one racer. */
  prepare(): Promise<(origin: string) => RaceRequest>;
  /** Whether this answer is a winner's. */
  won(answer: RaceAnswer): boolean;
  /** How many won this round, where a winner's answer looks like that of somebody who finds the step taken already. */
  uses?(): Promise<number>;
  /** Throws unless what the winner got works. */
  verify(winner: RaceAnswer): Promise<void>;
  /**
   * Without grace, a racer that the server gets to after the settle window is a thief to it (DESIGN §3.4) and ends the
   * winner's family. A machine too slow to begin all racers in time proves nothing then: such a round is run again.
   */
  readonly mustSettle?: boolean;
}

export interface RaceReport {
  readonly racers: number;
  readonly winners: number[];
  readonly statuses: Readonly<Record<number, number>>;
  /** Of all racers, the share that was under way together with another one. */
  readonly overlap: number;
}

/** How many rounds may come too late on a busy machine before that is the finding. */
const lateRounds = 10;

/** Runs a case for so many rounds with so many racers, spread over the nodes. */
export async function runRace(
  one: RaceCase,
  { origins, racers, rounds }: { origins: readonly string[]; racers: number; rounds: number },
): Promise<RaceReport> {
  const winners: number[] = [];
  const statuses: Record<number, number> = {};
  let overlapped = 0;
  let late = 0;
  for (let round = 0; round < rounds + late; round += 1) {
    const request = await one.prepare();
    const answers = await race(
      Array.from({ length: racers }, (_, index) => request(origins[index % origins.length] ?? '')),
    );
    for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1;
    overlapped += overlapping(answers);
    const won = answers.filter((answer) => one.won(answer));
    winners.push(one.uses ? await one.uses() : won.length);
    const failure = won[0] && (await one.verify(won[0]).catch((error: unknown) => error as Error));
    if (failure && !(one.mustSettle && late < lateRounds)) throw failure;
    if (failure) late += 1;
  }
  return { racers, winners, statuses, overlap: overlapped / (racers * (rounds + late)) };
}

/** The cases of the issue, on a product that shares its database with all racing nodes. */
export async function raceCases(product: Product): Promise<RaceCase[]> {
  const user = await product.addUser();
  const app = await addWebApp(product, { grant_types: ['authorization_code', 'refresh_token', deviceGrant] });
  const strict = await addWebApp(product, { refresh_grace_seconds: 0 });
  const { browser } = await app.signIn(user);
  await strict.signIn(user, { browser });
  return [
    codeCase(app, user, browser),
    strictRefreshCase(strict, user, browser),
    deviceCase(product, app, browser),
    await cibaCase(product),
    await assertionCase(product),
    await proofCase(product),
    await factorCase(product, 'code of an app'),
    await factorCase(product, 'recovery code'),
    await emailCase(product, 'e-mail code'),
    await emailCase(product, 'e-mail sign-in link'),
  ];
}

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';
const json = (answer: RaceAnswer): Record<string, unknown> => JSON.parse(answer.body) as Record<string, unknown>;
const succeeded = (answer: RaceAnswer): boolean => answer.status === 200;

function tokenRequest({ credentials }: RelyingApp, form: Record<string, string>) {
  const { clientId, clientSecret } = credentials;
  const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
  return (origin: string): RaceRequest => ({
    origin,
    method: 'POST',
    path: '/token',
    headers: { authorization },
    form,
  });
}

/** The winner's access token is alive and its refresh token yields another. */
async function tokensWork(app: RelyingApp, answer: RaceAnswer): Promise<void> {
  const tokens = json(answer);
  const { body } = await app.introspect(tokens['access_token']);
  if (body['active'] !== true) throw new Error('the winner’s access token is dead');
  if (tokens['refresh_token'] === undefined) return;
  const refreshed = await app.refresh(tokens['refresh_token']);
  if (refreshed.status !== 200) throw new Error(`the winner’s refresh token answers ${refreshed.status}`);
}

function codeCase(app: RelyingApp, user: TestUser, browser: Browser): RaceCase {
  return {
    name: 'authorization code',
    async prepare() {
      const { answer, verifier } = await app.signIn(user, { browser });
      const code = answer.get('code') ?? '';
      return tokenRequest(app, {
        grant_type: 'authorization_code',
        code,
        code_verifier: verifier,
        redirect_uri: redirectUri,
      });
    },
    won: succeeded,
    verify: (winner) => tokensWork(app, winner),
  };
}

function strictRefreshCase(app: RelyingApp, user: TestUser, browser: Browser): RaceCase {
  return {
    name: 'refresh token without grace',
    mustSettle: true,
    async prepare() {
      const { answer, verifier } = await app.signIn(user, { browser });
      const { body } = await app.exchange(answer.get('code') ?? '', verifier);
      return tokenRequest(app, { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) });
    },
    won: succeeded,
    verify: (winner) => tokensWork(app, winner),
  };
}

function deviceCase(product: Product, app: RelyingApp, browser: Browser): RaceCase {
  return {
    name: 'device code',
    async prepare() {
      const { body } = await app.post('/device/authorize', { scope: 'openid' });
      let page = await browser.open(`${product.url}/device`);
      page = await browser.submit(page, 'device-submit', { user_code: String(body['user_code']) });
      page = await browser.submit(page, 'device-confirm');
      if (page.text.includes('id="consent-allow"')) await browser.submit(page, 'consent-allow');
      return tokenRequest(app, { grant_type: deviceGrant, device_code: String(body['device_code']) });
    },
    won: succeeded,
    verify: (winner) => tokensWork(app, winner),
  };
}

/** Each round asks another person: one is asked only so often. */
async function cibaCase(product: Product): Promise<RaceCase> {
  const till = await addTill(product);
  return {
    name: 'request of a client for somebody elsewhere',
    async prepare() {
      const person = await product.addUser();
      const { body } = await askFor(till, person);
      const browser = new Browser();
      await browser.submit(await openApprovals(product, person, browser), 'ciba-allow');
      return tokenRequest(till, { grant_type: cibaGrant, auth_req_id: String(body['auth_req_id']) });
    },
    won: succeeded,
    verify: (winner) => tokensWork(till, winner),
  };
}

async function assertionCase(product: Product): Promise<RaceCase> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k' }] };
  const { clientId } = await product.addClient({
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: jwks as never,
  });
  return {
    name: 'client assertion',
    async prepare() {
      const issuer = String((await send(`${product.url}/.well-known/openid-configuration`)).body['issuer']);
      const assertion = await new SignJWT({})
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setIssuer(clientId)
        .setSubject(clientId)
        .setAudience(issuer)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(privateKey);
      const form = {
        grant_type: 'client_credentials',
        client_assertion: assertion,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      };
      return (origin) => ({ origin, method: 'POST', path: '/token', form });
    },
    won: succeeded,
    async verify(winner) {
      if (typeof json(winner)['access_token'] !== 'string') throw new Error('the winner got no token');
    },
  };
}

async function proofCase(product: Product): Promise<RaceCase> {
  const service = new RelyingApp(
    product.url,
    await product.addClient({ grant_types: ['client_credentials'], dpop_bound_access_tokens: true }),
  );
  const key = await makeProofKey();
  return {
    name: 'DPoP proof',
    async prepare() {
      // The issuer is the address of one node; the others answer for it.
      const { body } = await send(`${product.url}/.well-known/openid-configuration`);
      const proof = await proofFor(key, ['POST', String(body['token_endpoint'])]);
      const request = tokenRequest(service, { grant_type: 'client_credentials' });
      return (origin) => ({ ...request(origin), headers: { ...request(origin).headers, ...proof } });
    },
    won: succeeded,
    async verify(winner) {
      if (json(winner)['token_type'] !== 'DPoP') throw new Error('the winner got no token that is bound');
    },
  };
}

/** How many racers a round of codes is prepared for. */
const seats = 64;

/**
 * One code of a person in 64 sign-ins of theirs. They are signed in by password already, so that each is one step from
 * the end, and none costs a hash.
 */
async function factorCase(product: Product, name: 'code of an app' | 'recovery code'): Promise<RaceCase> {
  const app = await addWebApp(product, { first_party: true });
  let userId = '';
  const verified = async () =>
    (await product.events('factor.verified')).filter((one) => one.subject === userId && one.outcome === 'success');
  return {
    name,
    async prepare() {
      // Another person each round: those who have mistyped so often would have to wait.
      const user = await product.addUser();
      userId = user.id;
      const { browser } = await app.signIn(user);
      const kept = await enrol(product, user);
      const sitting = await Promise.all(Array.from({ length: seats }, () => atTheCode(app, browser.copy())));
      const code = name === 'recovery code' ? (kept.recoveryCodes[0] ?? '') : codeOf(kept.secret);
      return (origin) => {
        const { path, cookie } = sitting.pop() ?? { path: '', cookie: '' };
        const headers = { 'sec-fetch-site': 'same-origin', cookie };
        return { origin, method: 'POST', path: `${path}/code`, headers, form: { code } };
      };
    },
    won: (answer) => answer.status === 303,
    async verify() {
      if ((await verified()).length !== 1) throw new Error('the winner has shown no factor');
    },
  };
}

/** Goes to the page that asks for a code: its path, and the cookies that belong to it. */
async function atTheCode(app: RelyingApp, browser: Browser): Promise<{ path: string; cookie: string }> {
  const { pathname: path } = new URL((await browser.open(app.request().url)).url);
  const sent = browser.cookies().filter((one) => one.path === '/' || one.path === path);
  return { path, cookie: sent.map((one) => `${one.name}=${one.value}`).join('; ') };
}

/** A code or link that was mailed, in the one browser and sign-in that asked for it. Of the codes five are compared. */
async function emailCase(product: Product, name: 'e-mail code' | 'e-mail sign-in link'): Promise<RaceCase> {
  const user = await product.addUser();
  const app = await addWebApp(product, { first_party: true });
  const { clock, keyRing } = product.foundations;
  const store = createEmailSignInStore({ database: product.database, clock });
  let browser = new Browser();
  let start = '';
  return {
    name,
    async prepare() {
      browser = new Browser();
      start = (await browser.open(app.request().url)).url;
      const path = new URL(start).pathname;
      const uid = path.split('/').at(-1) ?? '';
      const cookie = randomUUID();
      const id = sha256(cookie);
      const secret = name === 'e-mail code' ? 'BCDFGHJK' : randomUUID();
      const secretHash = secretHashes(keyRing)(id, secret);
      const one = { id, uid, loginKey: user.email, expiresAt: clock.now() + 60_000 };
      await product.database.commit({ operations: [store.put(one)], fallback: [] });
      await product.database.commit({ operations: [store.arm(id, { userId: user.id, secretHash })], fallback: [] });
      const own = browser.cookies().filter((kept) => kept.path === '/' || kept.path === path);
      const sent = [...own, { name: 'postern.email-sign-in', value: cookie }];
      const headers = {
        'sec-fetch-site': 'same-origin',
        cookie: sent.map((kept) => `${kept.name}=${kept.value}`).join('; '),
      };
      const where = name === 'e-mail code' ? `${path}/email/code` : `${path}/email/link?key=${secret}`;
      return (origin) => ({ origin, method: 'POST', path: where, headers, form: { code: secret } });
    },
    won: (answer) => answer.status === 303,
    async verify() {
      if (!isBack((await browser.open(start, isBack)).url)) throw new Error('the winner is not signed in');
    },
  };
}

/** The set-up link: each racer wants to be the administrator. */
export function setUpCase(product: Product): RaceCase {
  let racer = 0;
  return {
    name: 'set-up link',
    async prepare() {
      const { secret } = await product.app.core.users.links.create(
        'set-up',
        { ttlSeconds: 600 },
        { actor: { kind: 'system' }, facts: {} },
      );
      return (origin) => {
        racer += 1;
        const form = { email: `racer${racer}@example.org`, password: 'a long enough password' };
        return {
          origin,
          method: 'POST',
          path: `/setup?key=${secret}`,
          headers: { 'sec-fetch-site': 'same-origin' },
          form,
        };
      };
    },
    won: (answer) => answer.status === 303,
    async verify() {
      const made = await product.events('admin.created');
      if (made.length === 0) throw new Error('the winner became no administrator');
    },
  };
}

/** A reset link: each racer wants a password of their own to hold. */
export async function resetCase(product: Product): Promise<RaceCase> {
  const user = await product.addUser();
  const app = await addWebApp(product);
  const by = { actor: { kind: 'system' }, facts: {} } as const;
  let racer = 0;
  return {
    name: 'reset link',
    async prepare() {
      const { secret } = await product.app.core.users.links.create('reset', { ttlSeconds: 600, subject: user.id }, by);
      return (origin) => {
        racer += 1;
        const form = { password: `the long password of racer ${racer}` };
        const headers = { 'sec-fetch-site': 'same-origin' };
        return { origin, method: 'POST', path: `/reset?key=${secret}&app=racer${racer}`, headers, form };
      };
    },
    won: (answer) => answer.status === 303,
    async verify(winner) {
      const number = /app=racer(\d+)/.exec(JSON.stringify(winner))?.[1];
      await app.signIn({ ...user, password: `the long password of racer ${number}` });
    },
  };
}

/** 64 uses of one refresh token inside its grace window: all get tokens, and all the same successor. */
export async function graceCase(product: Product): Promise<{
  prepare: RaceCase['prepare'];
  successors: (answers: readonly RaceAnswer[]) => Set<unknown>;
  app: RelyingApp;
}> {
  const user = await product.addUser();
  const app = await addWebApp(product);
  const { browser } = await app.signIn(user);
  return {
    app,
    prepare: async () => {
      const { answer, verifier } = await app.signIn(user, { browser });
      const { body } = await app.exchange(answer.get('code') ?? '', verifier);
      return tokenRequest(app, { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) });
    },
    successors: (answers) => new Set(answers.map((answer) => json(answer)['refresh_token'])),
  };
}
