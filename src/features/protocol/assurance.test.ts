import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { describe, expect, it } from 'vitest';
import {
  type AssuranceRule,
  addAssurance,
  askedAcr,
  asksForSecondFactor,
  assurances,
  multiFactor,
  owesSecondFactor,
  secondFactorReason,
  singleFactor,
} from './assurance.ts';

type Policy = 'off' | 'optional' | 'required';
const policies: readonly Policy[] = ['off', 'optional', 'required'];
const ruleOf = (policy: Policy, enrolled = false, remembered = false, strictest = policy): AssuranceRule => ({
  mfaPolicies: { forRoles: () => policy, of: async () => policy, strictest: () => strictest },
  hasSecondFactor: async () => enrolled,
  isRemembered: async () => remembered,
});
const claims = (acr: unknown) => JSON.stringify({ id_token: { acr } });

describe('the authentication context that a request asks for', () => {
  it.each([
    [{}, [], false],
    [{ acr_values: 'one  two' }, ['one', 'two'], false],
    [{ claims: claims({ value: 'one' }) }, ['one'], false],
    [{ claims: claims({ values: ['one', 2], essential: true }) }, ['one'], true],
    [{ claims: claims({ value: 'one', essential: true }), acr_values: 'two' }, ['one'], true],
    [{ claims: claims({ value: 'one' }), acr_values: 'two' }, ['two'], false],
    [{ claims: claims(null) }, [], false],
    [{ claims: '{}' }, [], false],
  ])('is read from %j', (params, values, essential) => {
    expect(askedAcr(params)).toEqual({ values, essential });
  });

  it('is refused when it is no list', () => {
    expect(() => askedAcr({ claims: claims({ values: 'one' }) })).toThrow(errors.InvalidRequest);
  });

  it.each([
    [multiFactor, true],
    [`other ${multiFactor}`, true],
    [`${multiFactor} ${singleFactor}`, false],
    [singleFactor, false],
    ['other', false],
  ])('%s asks for a second factor: %s', (acr_values, asks) => {
    expect(asksForSecondFactor({ acr_values })).toBe(asks);
  });
});

describe('who owes a second factor', () => {
  const states = policies.flatMap((policy) =>
    [false, true].flatMap((enrolled) =>
      [false, true].flatMap((asked) =>
        [false, true].flatMap((remembered) =>
          [undefined, singleFactor, multiFactor].map((acr) => ({ policy, enrolled, asked, remembered, acr })),
        ),
      ),
    ),
  );

  it.each(states)(
    '$policy, has one: $enrolled, asked: $asked, remembered: $remembered, session: $acr',
    async (state) => {
      const { policy, enrolled, asked, remembered, acr } = state;
      const due = policy === 'required' || asked || (enrolled && !remembered);
      const owed = policy !== 'off' && acr !== multiFactor && due;
      const rule = ruleOf(policy, enrolled, remembered);
      expect(await owesSecondFactor(rule, { ctx: {} as never, accountId: 'ada', acr, asked })).toBe(owed);
    },
  );

  it('is promised to nobody where it is off', () => {
    expect(policies.map((policy) => assurances(policy))).toEqual([
      [singleFactor],
      [singleFactor, multiFactor],
      [singleFactor, multiFactor],
    ]);
  });
});

describe('the engine’s question', () => {
  const ask = async (
    rule: AssuranceRule,
    params: object,
    session: object = { accountId: 'ada', acr: singleFactor },
  ) => {
    const policy = interactionPolicy.base();
    addAssurance(policy, rule);
    const check = policy.get('login')?.checks.get(secondFactorReason);
    return check?.check({ oidc: { params, session } } as unknown as KoaContextWithOIDC);
  };

  it('takes the place of the library’s own, which asks for equality', () => {
    const policy = interactionPolicy.base();
    addAssurance(policy, ruleOf('optional'));
    const names = policy.get('login')?.checks.map(({ reason }) => reason);
    expect(names).toContain(secondFactorReason);
    expect(names).not.toContain('essential_acr');
    expect(names).not.toContain('essential_acrs');
  });

  it('is asked of whoever owes a factor, and of nobody before they signed in', async () => {
    expect(await ask(ruleOf('optional', true), {})).toBe(true);
    expect(await ask(ruleOf('optional'), { acr_values: multiFactor })).toBe(true);
    expect(await ask(ruleOf('optional'), {})).toBe(false);
    expect(await ask(ruleOf('required'), {}, {})).toBe(false);
    const essential = { claims: claims({ essential: true, value: singleFactor }) };
    expect(await ask(ruleOf('optional'), essential, { accountId: 'ada', acr: multiFactor })).toBe(false);
  });

  it('is answered by an error where an app cannot do without what nobody can reach', async () => {
    const unknown = { claims: claims({ essential: true, value: 'urn:other' }) };
    await expect(ask(ruleOf('optional'), unknown)).rejects.toThrow(errors.UnmetAuthenticationRequirements);
    const second = { claims: claims({ essential: true, values: [multiFactor] }) };
    await expect(ask(ruleOf('off'), second, {})).rejects.toThrow(errors.UnmetAuthenticationRequirements);
    expect(await ask(ruleOf('optional'), { acr_values: 'urn:other' })).toBe(false);
    // Some can reach it: whoever cannot is told once it is known who they are.
    const some = ruleOf('off', false, false, 'required');
    expect(await ask(some, second, {})).toBe(false);
    await expect(ask(some, second)).rejects.toThrow(errors.UnmetAuthenticationRequirements);
  });
});
