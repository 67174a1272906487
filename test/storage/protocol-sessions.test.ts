import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { losses } from '../../src/features/protocol/losses.ts';
import type { Payload } from '../../src/features/protocol/payload.ts';
import type { TestClock } from '../kit/features.ts';
import { ENGINES, ids } from './kit/engines.ts';
import {
  type Kind,
  type ProtocolUnderTest,
  payloadOf,
  standardRules,
  startTwoNodes,
  type TwoNodes,
} from './kit/protocol.ts';

describe.each(ENGINES)('endings and decisions on $name', (engine) => {
  let nodes: TwoNodes;
  let clock: TestClock;
  let protocol: ProtocolUnderTest;
  let elsewhere: ProtocolUnderTest;
  let name: string;

  beforeAll(async () => {
    nodes = await startTwoNodes(engine);
    ({ clock, protocol, elsewhere } = nodes);
  });
  afterAll(() => nodes?.stop());
  beforeEach(() => {
    name = ids.next();
    Object.assign(nodes.rules, standardRules());
  });

  const save = (kind: Kind, id: string, more: Payload = {}, node = protocol) =>
    node.adapter(kind).upsert(id, payloadOf(clock, kind, { jti: id, ...more }));
  const find = (kind: Kind, id: string) => protocol.adapter(kind).find(id);
  const family = (grantId: string, more: Payload = { accountId: 'alice' }) =>
    protocol.serve(async () => {
      await save('Grant', grantId, more);
      await save('RefreshToken', `rt_${grantId}`, { grantId, ...more });
    });
  const rotation =
    (node: ProtocolUnderTest, grantId: string, more: Payload = {}) =>
    async () => {
      expect(await node.adapter('RefreshToken').find(`rt_${grantId}`)).toBeDefined();
      await node.adapter('RefreshToken').consume(`rt_${grantId}`);
      await save('RefreshToken', `rt_${grantId}s`, { grantId, ...more }, node);
      await save('AccessToken', `at_${ids.next()}`, { grantId, ...more }, node);
    };

  describe('of a sign-in session', () => {
    const session = (more: Payload = {}): Payload => ({ uid: `u${name}`, accountId: 'alice', ...more });
    const signIn = (id: string, more: Payload = {}) => protocol.serve(() => save('Session', id, session(more)));
    const rotate = (from: string, to: string, more: Payload = {}, node = protocol) =>
      node.begin(async () => {
        await node.adapter('Session').destroy(from);
        await save('Session', to, session(more), node);
      });
    const logOut = (id: string) => protocol.serve(() => protocol.adapter('Session').destroy(id));

    it('let nothing be issued that depends on it and was under way', async () => {
      await family(name);
      await signIn(`s${name}`);
      const bound = { expiresWithSession: true, sessionUid: `u${name}` };
      const early = await elsewhere.begin(rotation(elsewhere, name, bound));
      const unbound = await elsewhere.begin(rotation(elsewhere, name, { sessionUid: `u${name}` }));
      await logOut(`s${name}`);
      expect(await early()).toBe(losses.grant);
      expect(await unbound()).toBeUndefined();
    });

    it('let a token be issued in the unit that begins it', async () => {
      await family(name);
      const outcome = await protocol.serve(async () => {
        await rotation(protocol, name, { expiresWithSession: true, sessionUid: `u${name}` })();
        await save('Session', `s${name}`, session());
      });
      expect(outcome).toBeUndefined();
    });

    it('hold against a request that saves it anew', async () => {
      await signIn(`s${name}`);
      const tab = await elsewhere.begin(() => save('Session', `s${name}`, session({ note: 'anew' }), elsewhere));
      await logOut(`s${name}`);
      expect(await tab()).toBe(losses.session);
      expect(await find('Session', `s${name}`)).toBeUndefined();
      expect(await protocol.adapter('Session').findByUid(`u${name}`)).toBeUndefined();
    });

    it('hold against a request that rotates it', async () => {
      await signIn(`s${name}`);
      const tab = await rotate(`s${name}`, `t${name}`);
      await logOut(`s${name}`);
      expect(await tab()).toBe(losses.session);
      expect(await find('Session', `t${name}`)).toBeUndefined();
    });

    it('are not what a rotation is: the former cookie leads to the new one for ten seconds', async () => {
      await signIn(`s${name}`);
      expect(await (await rotate(`s${name}`, `t${name}`))()).toBeUndefined();
      clock.advance(9_999);
      expect(await find('Session', `s${name}`)).toMatchObject({ jti: `t${name}`, accountId: 'alice' });
      clock.advance(1);
      expect(await find('Session', `s${name}`)).toBeUndefined();
      expect(await find('Session', `t${name}`)).toMatchObject({ accountId: 'alice' });
    });

    it('leave no way from an anonymous cookie, or one of somebody else, to the session that replaced it', async () => {
      const { accountId: _nobody, ...anonymous } = session();
      await protocol.serve(() => save('Session', `r${name}`, anonymous));
      await protocol.serve(async () => {
        await protocol.adapter('Session').destroy(`r${name}`);
        await save('Session', `s${name}`, anonymous);
      });
      expect(await find('Session', `s${name}`)).toBeDefined();
      expect(await find('Session', `r${name}`)).toBeUndefined();
      await (await rotate(`s${name}`, `t${name}`))();
      expect(await find('Session', `s${name}`)).toBeUndefined();
      await (await rotate(`t${name}`, `v${name}`, { accountId: 'bob' }))();
      expect(await find('Session', `t${name}`)).toBeUndefined();
      expect(await find('Session', `v${name}`)).toMatchObject({ accountId: 'bob' });
    });

    it('end both cookies that two tabs rotated from one, and the way from the former', async () => {
      await signIn(`s${name}`);
      const tabs = await Promise.all([rotate(`s${name}`, `t${name}`), rotate(`s${name}`, `v${name}`, {}, elsewhere)]);
      expect(await Promise.all(tabs.map((commit) => commit()))).toEqual([undefined, undefined]);
      expect(await find('Session', `t${name}`)).toBeDefined();
      expect(await find('Session', `v${name}`)).toBeDefined();
      await logOut(`v${name}`);
      for (const id of [`s${name}`, `t${name}`, `v${name}`]) expect(await find('Session', id)).toBeUndefined();
    });

    it('of one app’s part leave the others alone, and two tabs that bring in two apps keep both', async () => {
      const parts = async () => Object.keys((await find('Session', `s${name}`))?.['authorizations'] ?? {}).sort();
      const saveWith = (node: ProtocolUnderTest, change: (parts: Record<string, unknown>) => void) =>
        node.begin(async () => {
          const read = await node.adapter('Session').find(`s${name}`);
          const authorizations = { ...(read?.['authorizations'] as object | undefined) };
          change(authorizations);
          await save('Session', `s${name}`, session({ authorizations }), node);
        });
      await signIn(`s${name}`);
      const tabs = await Promise.all([
        saveWith(protocol, (apps) => Object.assign(apps, { shop: { sid: 'one' } })),
        saveWith(elsewhere, (apps) => Object.assign(apps, { books: { sid: 'two' } })),
      ]);
      for (const commit of tabs) await commit();
      expect(await parts()).toEqual(['books', 'shop']);
      await (await saveWith(protocol, (apps) => void delete apps['shop']))();
      expect(await parts()).toEqual(['books']);
    });

    it('come by themselves when it is idle, or old, for too long', async () => {
      const loginTs = Math.floor(clock.now() / 1000);
      nodes.rules.sessionAbsoluteSeconds = 60;
      await signIn(`s${name}`, { loginTs, exp: loginTs + 3600 });
      await signIn(`t${name}`, { exp: loginTs + 59 });
      clock.advance(58_999);
      expect(await find('Session', `s${name}`)).toBeDefined();
      expect(await find('Session', `t${name}`)).toBeDefined();
      clock.advance(1_001);
      expect(await find('Session', `s${name}`)).toBeUndefined();
      expect(await find('Session', `t${name}`)).toBeUndefined();
    });

    it('tell each client that takes part once, however many tabs rotated it', async () => {
      const { client } = await nodes.features.clients.create(
        { redirect_uris: ['https://app.example/'], backchannel_logout_uri: 'https://app.example/out' },
        byOperator,
      );
      await nodes.features.clients.reload();
      const accountId = `owner ${name}`;
      const authorizations = { [client.clientId]: { sid: 'sid-1' }, silent: { sid: 'sid-2' } };
      await protocol.serve(() => save('Session', `w${name}`, { uid: `w${name}`, accountId }));
      await signIn(`s${name}`, { accountId, authorizations });
      const more = { accountId, authorizations };
      const tabs = await Promise.all([rotate(`s${name}`, `t${name}`, more), rotate(`s${name}`, `v${name}`, more)]);
      for (const commit of tabs) await commit();
      expect(await protocol.endings.notices(accountId)).toHaveLength(1);
    });
  });

  describe('of a device code', () => {
    const userCode = () => `CODE${name}`;
    const decide = (node: ProtocolUnderTest, accountId: string) =>
      node.begin(async () => {
        await save('Grant', `${name}${accountId}`, { accountId }, node);
        await save('DeviceCode', name, { userCode: userCode(), accountId, grantId: `${name}${accountId}` }, node);
      });
    const takeUp = () =>
      elsewhere.begin(() => save('DeviceCode', name, { userCode: userCode(), inFlight: true }, elsewhere));

    beforeEach(() => protocol.serve(() => save('DeviceCode', name, { userCode: userCode() })));

    it('let the first of two people who decide stand', async () => {
      const begun = await Promise.all([decide(protocol, 'alice'), decide(elsewhere, 'bob')]);
      const outcomes = await Promise.all(begun.map((commit) => commit()));
      const winner = outcomes.indexOf(undefined) === 0 ? 'alice' : 'bob';
      expect(outcomes.filter((loss) => loss === losses.interaction)).toHaveLength(1);
      expect(await find('DeviceCode', name)).toMatchObject({ accountId: winner });
      const grants = await protocol.rows('SELECT id FROM grants WHERE id IN (?1, ?2)', `${name}alice`, `${name}bob`);
      expect(grants).toEqual([{ id: `${name}${winner}` }]);
      expect(await protocol.adapter('DeviceCode').findByUserCode(userCode())).toBeUndefined();
    });

    it('let a refusal stand', async () => {
      const late = await decide(elsewhere, 'alice');
      await protocol.serve(() => save('DeviceCode', name, { userCode: userCode(), error: 'access_denied' }));
      expect(await late()).toBe(losses.interaction);
      expect(await find('DeviceCode', name)).toMatchObject({ error: 'access_denied' });
    });

    it('are not undone by a browser that only takes it up', async () => {
      const late = await takeUp();
      expect(await (await takeUp())()).toBeUndefined();
      await (await decide(protocol, 'alice'))();
      expect(await late()).toBe(losses.interaction);
      expect(await find('DeviceCode', name)).toMatchObject({ accountId: 'alice' });
    });
  });
});
