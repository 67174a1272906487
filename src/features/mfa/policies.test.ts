import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestFeatures, openTestFeatures } from '../../../test/kit/features.ts';
import { byOperator } from '../audit/module.ts';
import { newMfaPolicySchema } from './policy-schema.ts';

let features: Awaited<ReturnType<typeof openTestFeatures>>;
beforeEach(async () => {
  features = await openTestFeatures();
});
afterEach(() => features.close());

const required = { role: 'super-admin', policy: 'required' } as const;

describe('policies of second factors', () => {
  it('are stored once, with who said so and what was said before', async () => {
    const { policies } = features.mfa;
    expect(policies.preview(required)).toBe('created');
    expect(await policies.upsert(required, byOperator)).toBe('created');
    expect(await policies.upsert(required, byOperator)).toBeUndefined();
    expect(await policies.upsert({ organisation: 'acme', policy: 'required' }, byOperator)).toBe('created');
    expect(await policies.upsert({ ...required, policy: 'off' }, byOperator)).toBe('updated');
    expect(policies.all()).toEqual([
      { kind: 'organisation', name: 'acme', policy: 'required' },
      { kind: 'role', name: 'super-admin', policy: 'off' },
    ]);
    const events = await features.audit.search({ type: 'mfa_policy.changed', limit: 10 });
    expect(events.map(({ details }) => details)).toEqual([
      { role: 'super-admin', to: 'required' },
      { organisation: 'acme', to: 'required' },
      { role: 'super-admin', from: 'required', to: 'off' },
    ]);
  });

  it('reach another process, which reads no account where nothing is said of a role', async () => {
    const elsewhere = createTestFeatures(features.database);
    const { id } = await features.users.create({ email: 'ada@example.org', roles: ['super-admin'] }, byOperator);
    const plain = await features.users.create({ email: 'grace@example.org' }, byOperator);
    await features.mfa.policies.upsert(required, byOperator);
    expect(await elsewhere.mfa.policies.of(id)).toBe('optional');
    await elsewhere.mfa.policies.reload();
    expect([await elsewhere.mfa.policies.of(id), await elsewhere.mfa.policies.of(plain.id)]).toEqual([
      'required',
      'optional',
    ]);
    expect(await elsewhere.mfa.need(id, false)).toBe('enrolment');
    expect(await elsewhere.mfa.need(plain.id, false)).toBe('nothing');
  });

  it.each([
    [{ policy: 'required' }],
    [{ role: 'super-admin', organisation: 'acme', policy: 'required' }],
    [{ role: 'super-amdin', policy: 'required' }],
    [{ organisation: 'Acme Ltd', policy: 'required' }],
    [{ role: 'super-admin', policy: 'always' }],
  ])('are about one role that there is, or one organisation: %j is refused', (policy) => {
    expect(newMfaPolicySchema.safeParse(policy).success).toBe(false);
  });
});
