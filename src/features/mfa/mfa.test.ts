import { Secret, TOTP } from 'otpauth';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestFeatures } from '../../../test/kit/features.ts';
import { systemRandom } from '../../foundation/random.ts';
import { byOperator } from '../audit/module.ts';
import { codeProblem } from './code-problem.ts';
import { drawQr } from './draw-qr.ts';
import { needOf } from './need.ts';
import { newRecoveryCodes, plainCode } from './recovery-codes.ts';
import { newSecret, stepOf, totpUri } from './totp.ts';
import { createVerifyCode } from './verify-code.ts';

type Features = Awaited<ReturnType<typeof openTestFeatures>>;

let features: Features;
let userId: string;
beforeEach(async () => {
  features = await openTestFeatures();
  userId = (await features.users.create({ email: 'ada@example.org', email_verified: true }, byOperator)).id;
});
afterEach(() => features.close());

const codeAt = (secret: string, timestamp: number) => TOTP.generate({ secret: Secret.fromBase32(secret), timestamp });

/** Sets up an app whose first code is used up, and moves on to the next step. */
async function enrolled() {
  const { mfa, clock, database } = features;
  const place = { userId, scope: 'here' };
  const { secret, sealed } = mfa.enrolment.begin(place, 'ada@example.org');
  const outcome = mfa.enrolment.confirm(place, { sealed, code: codeAt(secret, clock.now()), address: undefined });
  if (outcome.kind !== 'enrolled') throw new Error(outcome.kind);
  const { committed } = await database.commit({ operations: outcome.operations, fallback: [] });
  clock.advance(30_000);
  return { secret, recoveryCodes: outcome.recoveryCodes, committed, operations: outcome.operations };
}

const verify = (code: string, address = '192.0.2.1') => features.mfa.verify({ userId, code, address });

describe('codes of an authenticator app', () => {
  it('are those of RFC 6238, appendix B, as six digits', () => {
    const secret = Secret.fromLatin1('12345678901234567890').base32;
    expect(stepOf(secret, '287082', 59_000)).toBe(1);
    expect(stepOf(secret, '081804', 1_111_111_109_000)).toBe(37_037_036);
  });

  it('are taken one step early or late, and no further', () => {
    const secret = newSecret(systemRandom);
    const now = 1_800_000_000_000;
    const taken = [-2, -1, 0, 1, 2].map((steps) => stepOf(secret, codeAt(secret, now + steps * 30_000), now));
    expect(taken).toEqual([undefined, 59_999_999, 60_000_000, 60_000_001, undefined]);
  });

  it('come from a secret of twenty bytes, in an address that apps read', () => {
    const secret = newSecret(systemRandom);
    expect(Secret.fromBase32(secret).bytes).toHaveLength(20);
    expect(totpUri(secret, { issuer: 'id.example', account: 'ada@example.org' })).toBe(
      `otpauth://totp/id.example:ada%40example.org?issuer=id.example&secret=${secret}&algorithm=SHA1&digits=6&period=30`,
    );
  });

  it('are checked, and their step used once', async () => {
    const { secret } = await enrolled();
    const code = codeAt(secret, features.clock.now());
    const outcome = await verify(code);
    expect(outcome).toMatchObject({ kind: 'right', method: 'totp' });
    const use = outcome.kind === 'right' ? [outcome.use] : [];
    expect((await features.database.commit({ operations: use, fallback: [] })).committed).toBe(true);
    expect((await features.database.commit({ operations: use, fallback: [] })).committed).toBe(false);
    expect(await verify(code)).toEqual({ kind: 'wrong', reason: 'code_used' });
    expect(await verify('12345')).toEqual({ kind: 'wrong', reason: 'wrong_code' });
    expect(await verify('')).toEqual({ kind: 'missing' });
    expect((await features.mfa.factors(userId)).totp).toMatchObject({ lastUsedAt: features.clock.now() });
  });

  it('are wrong for whoever has no app', async () => {
    expect(await verify('123456')).toEqual({ kind: 'wrong', reason: 'wrong_code' });
    expect(await features.mfa.factors(userId)).toEqual({ passkeys: [], recoveryCodesLeft: 0 });
  });

  it('are held back after too many wrong ones', async () => {
    await enrolled();
    for (let tries = 0; tries < 5; tries += 1) expect((await verify('aaaaa-aaaaa')).kind).toBe('wrong');
    expect(await verify('aaaaa-aaaaa')).toMatchObject({ kind: 'throttled' });
  });

  it('that could not be checked count for nothing', async () => {
    const ends: string[] = [];
    const entry = { allowed: true, settle: (end: string) => ends.push(end) };
    const find = () => Promise.reject(new Error('the database is gone'));
    const check = createVerifyCode({ ...features, throttle: { enter: () => entry }, store: { find } } as never);
    await expect(check({ userId, code: '123456', address: undefined })).rejects.toThrow('gone');
    expect(ends).toEqual(['abandoned']);
  });
});

describe('setting an app up', () => {
  it('takes the first code, once, and gives ten recovery codes', async () => {
    const { committed, operations, recoveryCodes, secret } = await enrolled();
    expect([committed, recoveryCodes.length, await features.mfa.has(userId)]).toEqual([true, 10, true]);
    expect((await features.database.commit({ operations, fallback: [] })).committed).toBe(false);
    expect(await verify(codeAt(secret, features.clock.now() - 30_000))).toEqual({ kind: 'wrong', reason: 'code_used' });
  });

  it('is for one person, one place and an hour', () => {
    const { mfa, clock } = features;
    const place = { userId, scope: 'here' };
    const { sealed, secret } = mfa.enrolment.begin(place, 'ada');
    const code = () => codeAt(secret, clock.now());
    expect(mfa.enrolment.confirm({ userId, scope: 'there' }, { sealed, code: code(), address: undefined }).kind).toBe(
      'expired',
    );
    expect(
      mfa.enrolment.confirm({ userId: 'bob', scope: 'here' }, { sealed, code: code(), address: undefined }).kind,
    ).toBe('expired');
    expect(mfa.enrolment.confirm(place, { sealed: 'forged', code: code(), address: undefined }).kind).toBe('expired');
    expect(mfa.enrolment.confirm(place, { sealed, code: '', address: undefined }).kind).toBe('missing');
    expect(mfa.enrolment.confirm(place, { sealed, code: 'abc', address: undefined }).kind).toBe('wrong');
    expect(mfa.enrolment.again(place, sealed, 'ada')).toMatchObject({ secret, sealed });
    clock.advance(60 * 60 * 1000);
    expect(mfa.enrolment.confirm(place, { sealed, code: code(), address: undefined }).kind).toBe('expired');
    expect(mfa.enrolment.again(place, sealed, 'ada')).toBeUndefined();
  });

  it('holds back who types wrong codes without end', () => {
    const { mfa } = features;
    const place = { userId, scope: 'here' };
    const { sealed } = mfa.enrolment.begin(place, 'ada');
    const tries = Array.from({ length: 6 }, () =>
      mfa.enrolment.confirm(place, { sealed, code: 'abc', address: '192.0.2.1' }),
    );
    expect(tries.map(({ kind }) => kind)).toEqual([...Array(5).fill('wrong'), 'throttled']);
  });

  it('draws what a camera reads', () => {
    const { size, path } = drawQr('otpauth://totp/x');
    expect(size).toBeGreaterThan(25);
    // The quiet zone: four modules on each side stay empty (ISO/IEC 18004).
    const at = [...path.matchAll(/M(\d+) (\d+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
    expect(Math.min(...at.flat())).toBe(4);
    expect(Math.max(...at.flat())).toBe(size - 5);
  });
});

describe('recovery codes', () => {
  it('are ten of fifty bits, easily read and forgivingly compared', () => {
    const codes = newRecoveryCodes(systemRandom);
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}$/);
    expect(plainCode(' OIL-abc 12 ')).toBe('011abc12');
  });

  it('work once each, and end as a set', async () => {
    const { recoveryCodes } = await enrolled();
    const [first = '', second = ''] = recoveryCodes;
    const outcome = await verify(first.toUpperCase());
    expect(outcome).toMatchObject({ kind: 'right', method: 'recovery_code' });
    const use = outcome.kind === 'right' ? [outcome.use] : [];
    expect((await features.database.commit({ operations: use, fallback: [] })).committed).toBe(true);
    expect((await features.database.commit({ operations: use, fallback: [] })).committed).toBe(false);
    expect((await verify(first)).kind).toBe('wrong');
    expect((await features.mfa.factors(userId)).recoveryCodesLeft).toBe(9);

    // One that was checked before its set was replaced must not be used after it.
    const late = await verify(second);
    const { codes, operations } = features.mfa.newRecoveryCodes(userId);
    expect((await features.database.commit({ operations, fallback: [] })).committed).toBe(true);
    const lateUse = late.kind === 'right' ? [late.use] : [];
    expect((await features.database.commit({ operations: lateUse, fallback: [] })).committed).toBe(false);
    expect([(await verify(second)).kind, (await verify(codes[0] ?? '')).kind]).toEqual(['wrong', 'right']);
    expect((await features.mfa.factors(userId)).recoveryCodesLeft).toBe(10);
  });
});

describe('who has to do more than type a password', () => {
  it.each([
    ['off', true, true, 'nothing'],
    ['off', false, false, 'nothing'],
    ['optional', false, false, 'nothing'],
    ['optional', false, true, 'enrolment'],
    ['optional', true, false, 'factor'],
    ['optional', true, true, 'factor'],
    ['required', false, false, 'enrolment'],
    ['required', false, true, 'enrolment'],
    ['required', true, false, 'factor'],
  ] as const)('policy %s, has one: %s, asked for: %s: %s', (policy, isEnrolled, asked, need) => {
    expect(needOf({ policy, enrolled: isEnrolled, asked })).toBe(need);
  });

  it('follows the settings and what is stored', async () => {
    expect(await features.mfa.need(userId, false)).toBe('nothing');
    await enrolled();
    expect(await features.mfa.need(userId, false)).toBe('factor');
  });
});

describe('a reset', () => {
  it('removes everything and says so in the audit', async () => {
    await enrolled();
    expect(await features.mfa.reset(userId, byOperator)).toBe(true);
    expect(await features.mfa.reset(userId, byOperator)).toBe(false);
    expect(await features.mfa.factors(userId)).toEqual({ passkeys: [], recoveryCodesLeft: 0 });
    const [event, ...more] = await features.audit.search({ type: 'factor.reset', limit: 10 });
    expect([event?.subject, more]).toEqual([userId, []]);
  });
});

describe('what a page says of a code', () => {
  it('is in kinds that it has words for', () => {
    const problem = (outcome: Parameters<typeof codeProblem>[1]) => codeProblem(features.clock, outcome);
    expect(problem({ kind: 'wrong', reason: 'code_used' })).toEqual({ kind: 'used' });
    expect(problem({ kind: 'wrong', reason: 'wrong_code' })).toEqual({ kind: 'wrong' });
    expect(problem({ kind: 'missing' })).toEqual({ kind: 'missing' });
    expect(problem({ kind: 'wrong' })).toEqual({ kind: 'wrong' });
    expect(problem({ kind: 'expired' })).toEqual({ kind: 'expired' });
    expect(problem({ kind: 'enrolled', operations: [], recoveryCodes: [] })).toBeUndefined();
    const until = features.clock.now() + 5000;
    expect(problem({ kind: 'throttled', retryAfterSeconds: 5 })).toEqual({ kind: 'throttled', retryAfter: 5, until });
    expect(problem({ kind: 'right', method: 'totp', use: {} as never })).toBeUndefined();
  });
});
