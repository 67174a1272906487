import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventTypesOf, openTestFeatures } from '../../../test/kit/features.ts';
import type { PasswordHash } from '../../foundation/crypto/password-hash.ts';
import { byOperator } from '../audit/module.ts';
import { createThrottle } from '../throttle/module.ts';
import { createJudge } from './judge.ts';
import { createPasswords, departures } from './module.ts';
import { strengthOf } from './strength.ts';

type Features = Awaited<ReturnType<typeof openTestFeatures>>;

let features: Features;
let userId: string;
const person = { email: 'ada@example.org', username: 'ada-of-the-engine' };
const password = 'correct horse battery staple';
const config = { issuer: 'https://login.harbour-books.example', dataDir: '.' };
const alone = { config, fetch: () => Promise.reject(new Error('nobody is asked')), onUnasked: () => undefined };

beforeEach(async () => {
  features = await openTestFeatures();
  const set = (id: string) => features.passwords.set(id, password, person, byOperator);
  userId = (await features.users.create(person, byOperator, set)).id;
});
afterEach(() => features.close());

const hashOf = async () => (await features.database.prisma.passwordCredential.findMany())[0]?.hash;

describe('a password', () => {
  it('is right or wrong', async () => {
    const { passwords } = features;
    expect(await passwords.check(userId, password)).toEqual({ ok: true });
    expect(await passwords.check(userId, `${password}.`)).toEqual({ ok: false });
    expect(await passwords.check(userId, '')).toEqual({ ok: false });
    expect(await passwords.check(userId, 'x'.repeat(100_000))).toEqual({ ok: false });
    expect(await passwords.check(undefined, password)).toEqual({ ok: false });
    expect(await passwords.check('nobody', password)).toEqual({ ok: false });
    expect(await hashOf()).toMatch(/^\$argon2id\$v=19\$m=19456,/);
    expect(await eventTypesOf(features)).toEqual(['password.changed', 'user.created']);
  });

  it('costs the same work whether the person exists, has a password, or neither', async () => {
    const work: string[] = [];
    const passwordHash: PasswordHash = {
      hash: () => Promise.reject(new Error('nothing to hash')),
      verify: async () => work.push('verify') === 0,
      verifyUnknown: async () => {
        work.push('verify');
        return false;
      },
      needsRehash: () => false,
    };
    const throttle = createThrottle(features);
    const passwords = createPasswords({ ...features, ...alone, throttle, passwordHash });
    const { id } = await features.users.create({ email: 'no-password@example.org' }, byOperator);
    for (const one of [userId, id, 'nobody', undefined])
      expect(await passwords.check(one, password)).toEqual({ ok: false });
    expect(work).toHaveLength(4);
  });

  it('is hashed anew when the parameters rise, unless it was changed meanwhile', async () => {
    const { passwords, settings, database } = features;
    await settings.set({ password: { hash: { time: 3 } } }, byOperator);
    const { ok, upgrade } = await passwords.check(userId, password);
    expect(ok).toBe(true);
    const before = await hashOf();
    if (upgrade === undefined) throw new Error('no upgrade');
    await database.commit({ operations: [upgrade], fallback: [] });
    const after = await hashOf();
    expect(after).not.toBe(before);
    expect(after).toContain('t=3');
    expect(await passwords.check(userId, password)).toEqual({ ok: true });
    await database.commit({ operations: [upgrade], fallback: [] });
    expect(await hashOf()).toBe(after);
  });

  it('is replaced, and a hash from elsewhere taken', async () => {
    const { passwords, database } = features;
    const replace = await passwords.set(userId, 'an altogether other one', person, byOperator);
    await database.commit({ operations: replace, fallback: [] });
    expect((await passwords.check(userId, password)).ok).toBe(false);
    expect((await passwords.check(userId, 'an altogether other one')).ok).toBe(true);

    const phc = '$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$n55VlMMMgoFwqQI8RjtTpaLpTkJ2KDYMlkoOjRxkVDw';
    await database.commit({ operations: passwords.fromHash(userId, phc, byOperator), fallback: [] });
    expect(await hashOf()).toBe(phc);
    for (const other of ['', 'plain', '$2b$12$abcdefghijklmnopqrstuu', phc.replace('m=8192', 'm=99999999')]) {
      expect(() => passwords.fromHash(userId, other, byOperator)).toThrow(
        expect.objectContaining({ code: 'password_hash_refused' }),
      );
    }
    expect(await passwords.has(userId)).toBe(true);
    expect(await passwords.has('nobody')).toBe(false);
  });

  it('is none of the last ones where the settings say so, and what need not be compared is forgotten', async () => {
    const { passwords, settings, database } = features;
    await settings.set({ password: { history: 3, hash: { memory: 7168, time: 1 } } }, byOperator);
    const change = async (wanted: string) => {
      const operations = await passwords.set(userId, wanted, person, byOperator);
      expect(await database.commit({ operations, fallback: [] })).toEqual({ committed: true });
    };
    const refused = { code: 'password_refused', reason: 'former' };
    const kept = () => database.prisma.formerPassword.count();
    const words = ['first of four words', 'second of four words', 'third of four words'] as const;
    await expect(change(password)).rejects.toMatchObject(refused);
    for (const word of words) await change(word);
    for (const word of words) await expect(change(word)).rejects.toMatchObject(refused);
    expect(await kept()).toBe(2);
    await change(password);
    await expect(change(words[1])).rejects.toMatchObject(refused);
    await change(words[0]);
    await settings.set({ password: { history: 1 } }, byOperator);
    await expect(change(words[0])).rejects.toMatchObject(refused);
    await change(words[1]);
    expect(await kept()).toBe(0);
    await settings.set({ password: { history: 0 } }, byOperator);
    await change(words[1]);
    expect(await kept()).toBe(0);
  });

  it('is forgotten with the account', async () => {
    const { passwords, settings, database } = features;
    await settings.set({ password: { history: 5 } }, byOperator);
    await database.commit({
      operations: await passwords.set(userId, 'an altogether other one', person, byOperator),
      fallback: [],
    });
    expect(await database.prisma.formerPassword.count()).toBe(1);
    await database.together(async (tx) => void (await tx.user.delete({ where: { id: userId } })));
    expect(await database.prisma.formerPassword.count()).toBe(0);
  });

  it('is refused when the policy forbids it', async () => {
    const { passwords, settings } = features;
    const refused = passwords.set(userId, 'fourteen chars', person, byOperator);
    await expect(refused).rejects.toMatchObject({
      code: 'password_refused',
      status: 400,
      fields: { password: expect.stringContaining('15') },
    });
    const planned = settings.planned({ password: { minLength: 8 } });
    expect(await passwords.problem('fourteen chars', person, planned)).toBeUndefined();
    expect(await passwords.problem('fourteen chars', person)).toMatchObject({ kind: 'short' });
    await settings.set({ password: { minLength: 8 } }, byOperator);
    expect(await passwords.problem('fourteen chars', person)).toBeUndefined();
  });
});

describe('the policy', () => {
  const problem = async (candidate: string, changes: object = {}) => {
    const planned = features.settings.planned(changes);
    const judge = createJudge({ ...features, ...alone });
    return (await judge(candidate, { ...person, claims: { family_name: 'Lovelace' } }, planned)).problem;
  };

  it.each([
    'fifteen letters',
    '🙂'.repeat(15),
    'x'.repeat(1024),
    'the harbour of Ada Lovelace at dawn',
    'postern gates and drawbridges',
  ])('allows %j', async (candidate) => {
    expect(await problem(candidate)).toBeUndefined();
  });

  it.each([
    ['', 'missing', 'Choose a password'],
    ['fourteen chars', 'short', 'at least 15'],
    ['🙂'.repeat(14), 'short', 'at least 15'],
    ['o\u0308'.repeat(14), 'short', 'at least 15'],
    ['x'.repeat(1025), 'long', 'at most 1024'],
    ['x'.repeat(100_000), 'long', 'at most 1024'],
    ['with a NUL \0 inside of it', 'characters', 'cannot be used'],
    ['half a surrogate \ud800 pair', 'characters', 'cannot be used'],
    ['Ada@Example.org', 'own', 'your own'],
    [' ada-of-the-engine ', 'own', 'your own'],
    ['Ada.Of.The.Engine-2026', 'own', 'your own'],
    ['Lovelace.Lovelace!', 'own', 'your own'],
    ['Harbour-Books.Login1', 'own', 'this service'],
    ['POSTERN_postern_99', 'own', 'this service'],
    ['1QAZ2wsx3edc4rfv', 'common', 'Many people'],
    ['PasswordPassword', 'common', 'Many people'],
  ])('finds %j %s', async (candidate, kind, text) => {
    expect(await problem(candidate)).toEqual({ kind, text: expect.stringContaining(text) });
  });

  it('asks for less where nobody comes in by a password alone', async () => {
    const required = { mfa: { policy: 'required' } };
    expect(await problem('ten chars!', required)).toBeUndefined();
    expect(await problem('sevench', required)).toMatchObject({ kind: 'short', text: expect.stringContaining(' 8 ') });
    expect(await problem('ten chars!', { mfa: { policy: 'optional' } })).toMatchObject({ kind: 'short' });
    expect(await problem('Trustno1', required)).toMatchObject({ kind: 'common' });
  });

  it('asks for kinds of characters only when told to, and says that this leaves NIST SP 800-63B-4', async () => {
    const told = (name: string) => ({ password: { composition: { [name]: true } } });
    for (const [name, lacking, having] of [
      ['upper', 'ein stiller hafen', 'ein stiller Hafen'],
      ['lower', 'EIN STILLER HAFEN', 'EIN STILLER HAFEn'],
      ['digit', 'ein stiller hafen', 'ein stiller hafen ٤'],
      ['special', 'einstillerhafen1', 'ein stiller hafen'],
    ] as const) {
      expect(await problem(lacking, told(name))).toMatchObject({ kind: name });
      expect(await problem(having, told(name))).toBeUndefined();
      expect(await problem(lacking)).toBeUndefined();
      expect(departures(features.settings.planned(told(name)))).toEqual([`password.composition.${name}`]);
    }
    expect(departures(features.settings.planned({ password: { maxAge: 86_400 } }))).toEqual(['password.maxAge']);
    expect(departures(features.settings.current())).toEqual([]);
  });

  it('asks for a score only when told to, and looks at no more of a password than costs little', async () => {
    const score = { password: { minScore: 3 } };
    expect(await problem('iloveyouiloveyou', score)).toMatchObject({ kind: 'weak' });
    expect(await problem('aaaaaaaaaaaaaaaa')).toBeUndefined();
    expect(await problem('correct horse battery staple', score)).toBeUndefined();
    expect(await strengthOf('kQ9$ '.repeat(200), [])).toBe(await strengthOf('kQ9$ '.repeat(8), []));
  });
});
