import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Authenticator } from '../../../test/kit/authenticator.ts';
import { openTestFeatures } from '../../../test/kit/features.ts';
import { byOperator } from '../audit/module.ts';
import { mostPasskeys, passkeyMethods, passkeyName } from './passkey.ts';
import { readCreation, readSignature } from './response.ts';

type Features = Awaited<ReturnType<typeof openTestFeatures>>;

const origin = 'https://id.example';
const address = '192.0.2.1';
const deviceOf = async () => undefined;
const scope = 'interaction one';
const request = expect.any(String) as string;

let features: Features;
let owner: { id: string; name: string };
beforeEach(async () => {
  features = await openTestFeatures();
  owner = await person('ada@example.org');
});
afterEach(() => features.close());

async function person(email: string) {
  const { id } = await features.users.create({ email, email_verified: true }, byOperator);
  return { id, name: email };
}

const commit = async (operations: Parameters<Features['database']['commit']>[0]['operations']) =>
  (await features.database.commit({ operations, fallback: [] })).committed;

async function enrol(key: Authenticator, of = owner, name = '') {
  const { enrolment } = features.passkeys;
  const begun = await enrolment.begin({ owner: of, scope });
  if (!begun) return undefined;
  const form = { challenge: begun.challenge, credential: key.create(begun.options), name };
  return enrolment.confirm({ owner: of, scope }, form);
}

async function enrolled(key: Authenticator, of = owner): Promise<string> {
  const outcome = await enrol(key, of);
  if (outcome?.kind !== 'enrolled') throw new Error(outcome?.kind);
  expect(await commit(outcome.operations)).toBe(true);
  return outcome.id;
}

describe('a new passkey', () => {
  it('is asked for with what the browser needs, and no more', async () => {
    const { id } = owner;
    const begun = await features.passkeys.enrolment.begin({ owner, scope });
    expect(JSON.parse(begun?.options ?? '')).toEqual({
      challenge: request,
      rp: { id: 'id.example', name: 'id.example' },
      user: { id: Buffer.from(id).toString('base64url'), name: owner.name, displayName: owner.name },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: 'public-key', alg })),
      timeout: 300_000,
      excludeCredentials: [],
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
      attestation: 'none',
    });
    expect(begun?.challenge).not.toContain((JSON.parse(begun?.options ?? '') as { challenge: string }).challenge);
  });

  it('is listed under its name, and named so that it is not made twice', async () => {
    const key = new Authenticator(origin);
    const outcome = await enrol(key, owner, '  Laptop\n of\u202e Ada  ');
    if (outcome?.kind !== 'enrolled') throw new Error(outcome?.kind);
    await commit(outcome.operations);
    const [listed] = await features.passkeys.list(owner.id);
    expect(listed).toMatchObject({ id: outcome.id, name: 'Laptop  of  Ada', createdAt: features.clock.now() });
    const again = await features.passkeys.enrolment.begin({ owner, scope });
    const { excludeCredentials } = JSON.parse(again?.options ?? '') as { excludeCredentials: unknown };
    expect(excludeCredentials).toEqual([{ type: 'public-key', id: key.id, transports: ['internal'] }]);
    expect((await enrol(key))?.kind).toBe('taken');
    expect((await enrol(key, await person('bob@example.org')))?.kind).toBe('taken');
  });

  it('of two accounts at once is one’s', async () => {
    const key = new Authenticator(origin);
    const outcomes = [await enrol(key), await enrol(key, await person('bob@example.org'))];
    const committed = [];
    for (const outcome of outcomes) committed.push(outcome?.kind === 'enrolled' && (await commit(outcome.operations)));
    expect(committed).toEqual([true, false]);
  });

  it('is one of a few', async () => {
    for (let made = 0; made < mostPasskeys; made += 1) await enrolled(new Authenticator(origin));
    expect(await features.passkeys.enrolment.begin({ owner, scope })).toBeUndefined();
  });

  it('answers for its own person, place and five minutes', async () => {
    const { enrolment } = features.passkeys;
    const begun = await enrolment.begin({ owner, scope });
    const form = {
      challenge: begun?.challenge ?? '',
      credential: new Authenticator(origin).create(begun?.options ?? ''),
    };
    const bob = await person('bob@example.org');
    const kinds = [];
    for (const place of [
      { owner: bob, scope },
      { owner, scope: 'interaction two' },
    ]) {
      kinds.push((await enrolment.confirm(place, { ...form, name: '' })).kind);
    }
    features.clock.advance(300_000);
    kinds.push((await enrolment.confirm({ owner, scope }, { ...form, name: '' })).kind);
    expect(kinds).toEqual(['expired', 'expired', 'expired']);
  });

  it.each([
    ['of another page', { origin: 'https://evil.example' }],
    ['for another host', { rpId: 'evil.example' }],
    ['to another question', { challenge: 'AAAA' }],
  ])('%s is not taken', async (_, bend) => {
    const { enrolment } = features.passkeys;
    const begun = await enrolment.begin({ owner, scope });
    const credential = new Authenticator(origin).create(begun?.options ?? '', bend);
    const form = { challenge: begun?.challenge ?? '', credential, name: '' };
    expect(await enrolment.confirm({ owner, scope }, form)).toEqual({ kind: 'wrong' });
  });

  it('is taken without its attestation, which nobody asked for', async () => {
    const { enrolment } = features.passkeys;
    const begun = await enrolment.begin({ owner, scope });
    const credential = new Authenticator(origin).create(begun?.options ?? '', { attested: true });
    const form = { challenge: begun?.challenge ?? '', credential, name: '' };
    expect((await enrolment.confirm({ owner, scope }, form)).kind).toBe('enrolled');
  });

  it('has to check its person where that is required', async () => {
    await features.settings.set({ mfa: { passkeys: { userVerification: 'required' } } }, byOperator);
    await features.settings.reload();
    expect((await enrol(new Authenticator(origin, { verifies: false })))?.kind).toBe('wrong');
    expect((await enrol(new Authenticator(origin)))?.kind).toBe('enrolled');
  });
});

describe('a signature', () => {
  /** Two answers to one question, judged before either is stored. */
  async function twice(key: Authenticator) {
    const { signature } = features.passkeys;
    const begun = await signature.begin({ scope });
    const form = { challenge: begun.challenge, credential: key.get(begun.options), address, deviceOf };
    const outcomes = [await signature.verify({ scope }, form), await signature.verify({ scope }, form)];
    const committed = [];
    for (const outcome of outcomes) committed.push(outcome.kind === 'right' && (await commit(outcome.operations)));
    return committed;
  }

  it.each([true, false])('is used once, by the database’s word (synced: %s)', async (synced) => {
    const key = new Authenticator(origin, { synced });
    await enrolled(key);
    expect(await twice(key)).toEqual([true, false]);
    expect(await twice(key)).toEqual([true, false]);
  });

  it('with a counter that another one has passed is lost, though it was right when it was looked at', async () => {
    const key = new Authenticator(origin);
    const id = await enrolled(key);
    const { signature } = features.passkeys;
    const outcomes = [];
    for (const counter of [5, 4]) {
      const begun = await signature.begin({ scope });
      const form = { challenge: begun.challenge, credential: key.get(begun.options, { counter }), address, deviceOf };
      outcomes.push(await signature.verify({ scope }, form));
    }
    const committed = [];
    for (const outcome of outcomes) committed.push(outcome.kind === 'right' && (await commit(outcome.operations)));
    expect(committed).toEqual([true, false]);
    expect((await features.passkeys.list(owner.id))[0]).toMatchObject({ id, lastUsedAt: features.clock.now() });
  });

  it('of a removed key is lost as well', async () => {
    const key = new Authenticator(origin);
    const id = await enrolled(key);
    const { signature } = features.passkeys;
    const begun = await signature.begin({ scope });
    const form = { challenge: begun.challenge, credential: key.get(begun.options), address, deviceOf };
    const outcome = await signature.verify({ scope }, form);
    await commit([features.passkeys.removal(owner.id, id)]);
    expect(outcome.kind === 'right' && (await commit(outcome.operations))).toBe(false);
  });

  it('by a key that could be copied and now says that it can’t is none', async () => {
    const key = new Authenticator(origin);
    await enrolled(key);
    await features.database.together((tx) => tx.passkey.updateMany({ data: { backup: 'done' } }));
    const begun = await features.passkeys.signature.begin({ scope });
    const form = { challenge: begun.challenge, credential: key.get(begun.options), address, deviceOf };
    expect(await features.passkeys.signature.verify({ scope }, form)).toMatchObject({ reason: 'wrong_passkey' });
  });

  it('leaves a challenge behind only when it was right, until that is swept', async () => {
    const key = new Authenticator(origin);
    await enrolled(key);
    const count = () => features.database.prisma.passkeyChallenge.count();
    expect(await count()).toBe(1);
    const { signature, sweep } = features.passkeys;
    const begun = await signature.begin({ scope });
    await signature.verify({ scope }, { challenge: begun.challenge, credential: '{}', address, deviceOf });
    expect(await count()).toBe(1);
    await commit([sweep(features.clock.now())]);
    expect(await count()).toBe(1);
    await commit([sweep(features.clock.now() + 300_001)]);
    expect(await count()).toBe(0);
  });
});

describe('names, answers and methods', () => {
  it('of keys are one line of at most 64 characters', () => {
    expect(passkeyName(' \u0000a\tb\ud800 ')).toBe('a b\ufffd');
    expect([...passkeyName('🔑'.repeat(70))]).toHaveLength(64);
  });

  it('are read as what they are, or not at all', () => {
    const bytes = 'AAAA';
    const good = { id: bytes, rawId: bytes, type: 'public-key' };
    const made = { clientDataJSON: bytes, attestationObject: bytes, transports: ['usb', 'magic'] };
    expect(readCreation(JSON.stringify({ ...good, response: made }))?.response.transports).toEqual(['usb']);
    const signed = { clientDataJSON: bytes, authenticatorData: bytes, signature: bytes, userHandle: null };
    expect(readSignature(JSON.stringify({ ...good, response: signed }))?.response).not.toHaveProperty('userHandle');
    for (const bad of ['', 'null', '{}', '"x"', JSON.stringify({ ...good, id: '..', response: signed })]) {
      expect(readSignature(bad)).toBeUndefined();
      expect(readCreation(bad)).toBeUndefined();
    }
  });

  it('tell hardware from what may be copied (RFC 8176)', () => {
    expect(passkeyMethods('none')).toEqual(['pop', 'hwk', 'user']);
    expect(passkeyMethods('possible')).toEqual(['pop', 'swk', 'user']);
    expect(passkeyMethods('done')).toEqual(['pop', 'swk', 'user']);
  });
});
