import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { needOf } from '../../src/features/mfa/need.ts';
import { createMfaPolicies } from '../../src/features/mfa/policies.ts';
import type { MfaPolicyLevel } from '../../src/features/mfa/policy-schema.ts';
import type { MfaPolicy } from '../../src/features/mfa/store.ts';
import { mayYieldTokens, owesSecondFactor } from '../../src/features/protocol/assurance.ts';
import { nextStep } from '../../src/features/sign-in/next-step.ts';
import type { User } from '../../src/features/users/module.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { enrolPasskey, signedForm } from '../passkeys/kit.ts';
import { addDevice, poll, startDevice, typeCode as typeUserCode } from '../protocol/kit/device.ts';
import { advance } from '../protocol/kit/time.ts';
import {
  codeOf,
  enrol,
  enrolOnPage,
  hrefOf,
  isCodePage,
  isEnrolmentPage,
  multiFactor,
  type Person,
  setPolicy,
  singleFactor,
  typeCode,
  typePassword,
} from './kit.ts';

const levels: readonly MfaPolicyLevel[] = ['off', 'optional', 'required'];
const said = [undefined, ...levels] as const;

/** Every state that who needs a factor is judged by: what is said of whom, what the person has and has shown. */
const states = levels.flatMap((setting) =>
  said.flatMap((role) =>
    said.flatMap((organisation) =>
      [false, true].flatMap((holdsRole) =>
        [false, true].flatMap((enrolled) =>
          [false, true].flatMap((asked) =>
            [false, true].flatMap((remembered) =>
              [singleFactor, multiFactor].map((acr) => ({
                setting,
                role,
                organisation,
                holdsRole,
                enrolled,
                asked,
                remembered,
                acr,
              })),
            ),
          ),
        ),
      ),
    ),
  ),
);
type State = (typeof states)[number];

/** The rule by itself, on stored policies that are given. */
async function ruleOf({ setting, role, organisation, holdsRole }: State) {
  const stored: MfaPolicy[] = [
    ...(role ? [{ kind: 'role', name: 'super-admin', policy: role } as const] : []),
    ...(organisation ? [{ kind: 'organisation', name: 'acme', policy: organisation } as const] : []),
  ];
  const user = { roles: holdsRole ? ['super-admin'] : [] } as unknown as User;
  const policies = createMfaPolicies({
    settings: { current: () => ({ mfa: { policy: setting } }) } as never,
    users: { find: async () => user },
    store: { all: async () => stored, put: async () => undefined },
    database: undefined as never,
    audit: undefined as never,
  });
  await policies.reload();
  return { policies, user };
}

/** What a state comes to: for the engine, for the dispatcher, and for a token that was issued in it. */
async function outcomeOf(state: State) {
  const { enrolled, asked, remembered, acr } = state;
  const { policies, user } = await ruleOf(state);
  const policy = await policies.of('ada');
  const rule = {
    mfaPolicies: policies,
    hasSecondFactor: async () => enrolled,
    // As the composition root has it: a browser is only asked where it is left to people.
    isRemembered: async () => remembered && policy === 'optional',
  };
  const need = needOf({ policy, asked, enrolled });
  const proof = { by: 'session', accountId: 'ada', amr: ['pwd'], acr } as never;
  return {
    policy,
    owes: await owesSecondFactor(rule, { ctx: {} as never, accountId: 'ada', acr, asked }),
    step: nextStep({ prompt: 'login', reasons: ['second_factor'], proof }, { need, owesPassword: false }),
    mayYield: mayYieldTokens(rule, user, acr),
  };
}

describe(`who needs a second factor, over all ${states.length} states`, () => {
  it('is said by the strictest of the setting and the roles that the person has, and by no organisation yet', async () => {
    for (const state of states) {
      const { setting, role, holdsRole } = state;
      const counted = [setting, ...(holdsRole && role ? [role] : [])].map((level) => levels.indexOf(level));
      expect((await outcomeOf(state)).policy).toBe(levels[Math.max(...counted)]);
    }
  });

  it('is the same for the engine, the dispatcher and what was issued: no route leaves the step out', async () => {
    for (const state of states) {
      const { owes, step, mayYield, policy } = await outcomeOf(state);
      const isHeld = policy === 'required' && state.acr === singleFactor;
      if (isHeld) expect([owes, step, mayYield]).toEqual([true, state.enrolled ? 'second-factor' : 'enrolment', false]);
      else expect(mayYield).toBe(true);
      // Whoever the engine sends here has a step to take, or it would send them for ever.
      if (owes) expect(['second-factor', 'enrolment']).toContain(step);
      if (policy === 'off' || state.acr === multiFactor) expect([owes, step]).toEqual([false, 'done']);
    }
  });
});

let product: Product;
let app: RelyingApp;
let administrator: Person;
let other: Person;

async function say(policy: MfaPolicyLevel): Promise<void> {
  await product.app.core.mfa.policies.upsert({ role: 'super-admin', policy }, byOperator);
  product.app.protocol.rebuild();
}

beforeAll(async () => {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  app = await addWebApp(product, { first_party: true });
});
beforeEach(async () => {
  await setPolicy(product, 'optional');
  await say('off');
  administrator = await product.addUser({ administrator: true });
  other = await product.addUser();
  advance(900);
});
afterAll(() => product.stop());

const open = (browser: Browser, parameters: Record<string, string> = {}) =>
  browser.open(app.request(parameters).url, isBack);
const signIn = async (person: Person, browser = new Browser()) => typePassword(browser, await open(browser), person);

describe.each(['off', 'optional'] as const)(
  'administrators who need a second factor, others by the setting %s',
  (setting) => {
    beforeEach(async () => {
      await setPolicy(product, setting);
      await say('required');
    });

    it('set one up as they sign in, and nobody else does', async () => {
      expect(isBack((await signIn(other)).url)).toBe(true);
      const browser = new Browser();
      const page = await signIn(administrator, browser);
      expect(isEnrolmentPage(page)).toBe(true);
      const enrolled = await enrolOnPage(browser, page);
      const back = await browser.open(hrefOf(enrolled.page, 'recovery-done'), isBack);
      expect([isBack(back.url), isBack((await open(browser)).url)]).toEqual([true, true]);
    });

    it('show theirs, and cannot have a browser remembered', async () => {
      const { secret } = await enrol(product, administrator);
      const browser = new Browser();
      const page = await signIn(administrator, browser);
      expect([isCodePage(page), page.text.includes('remember-device')]).toEqual([true, false]);
      expect(isBack((await typeCode(browser, page, codeOf(secret))).url)).toBe(true);
    });

    it('may set one up on the account page, which others may where it is not off', async () => {
      const offered = async (person: Person) => {
        const browser = new Browser();
        const page = await open(browser);
        if (person === administrator) {
          const key = await enrolPasskey(product, person);
          await browser.submit(page, 'passkey-sign-in', signedForm(page, 'passkey-sign-in', key), isBack);
        } else await typePassword(browser, page, person);
        return (await browser.open(`${product.url}/account`)).text.includes('id="factor-add"');
      };
      expect([await offered(administrator), await offered(other)]).toEqual([true, setting !== 'off']);
    });
  },
);

describe('a role that needs a second factor from now on', () => {
  it('takes nothing that was proved or issued before for enough, and nothing from others', async () => {
    const device = await addDevice(product, { first_party: true });
    const beginAs = async (person: Person) => {
      const codes = await startDevice(device);
      const { browser, answer, verifier } = await app.signIn(person);
      const confirm = await typeUserCode(product, browser, codes.userCode);
      await browser.submit(confirm, 'device-confirm');
      const { body } = await app.tokens(person);
      return { codes, browser, code: answer.get('code') ?? '', verifier, refreshToken: body['refresh_token'] };
    };
    const [mine, theirs] = [await beginAs(administrator), await beginAs(other)];
    await say('required');
    const triedLater = async ({ codes, code, verifier, refreshToken }: Awaited<ReturnType<typeof beginAs>>) =>
      [await app.exchange(code, verifier), await app.refresh(refreshToken), await poll(device, codes)].map(
        ({ status, body }) => [status, body['error']],
      );
    expect(await triedLater(mine)).toEqual(Array(3).fill([400, 'invalid_grant']));
    expect(await triedLater(theirs)).toEqual(Array(3).fill([200, undefined]));
    // Their sessions, on every way that leads from one.
    const silent = await open(mine.browser, { prompt: 'none' });
    expect(new URL(silent.url).searchParams.get('error')).toBe('login_required');
    expect((await mine.browser.open(`${product.url}/`)).text).not.toContain('id="app-submit"');
    expect((await mine.browser.open(`${product.url}/account`)).text).toContain('id="sign-in-link"');
    expect(isEnrolmentPage(await open(mine.browser))).toBe(true);
    expect(isBack((await open(theirs.browser, { prompt: 'none' })).url)).toBe(true);
  });

  it('does not go by a browser that was remembered before', async () => {
    const { secret } = await enrol(product, administrator);
    const browser = new Browser();
    const fields = { code: codeOf(secret), remember_device: 'yes' };
    await browser.submit(await signIn(administrator, browser), 'code-submit', fields, isBack);
    await browser.submit(await browser.open(`${product.url}/account`), 'sign-out');
    expect(isBack((await signIn(administrator, browser.copy())).url)).toBe(true);
    await say('required');
    expect(isCodePage(await signIn(administrator, browser))).toBe(true);
  });

  it('holds whoever is given the role, in the sessions that they have', async () => {
    await say('required');
    const { browser } = await app.signIn(other);
    expect(isBack((await open(browser)).url)).toBe(true);
    await product.app.core.users.assignRole(other.id, 'super-admin', byOperator);
    expect(isEnrolmentPage(await open(browser))).toBe(true);
  });

  it('has the server promise what some of its people can reach, and tell an app whose person cannot', async () => {
    await setPolicy(product, 'off');
    const promised = async () => {
      const answer = await fetch(`${product.url}/.well-known/openid-configuration`);
      return ((await answer.json()) as { acr_values_supported: string[] }).acr_values_supported;
    };
    expect(await promised()).toEqual([singleFactor]);
    await say('required');
    expect(await promised()).toEqual([singleFactor, multiFactor]);
    const { browser } = await app.signIn(other);
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: [multiFactor] } } });
    const refused = await open(browser, { claims });
    expect(new URL(refused.url).searchParams.get('error')).toBe('unmet_authentication_requirements');
  });
});
