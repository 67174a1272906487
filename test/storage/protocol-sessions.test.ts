import { beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { losses } from '../../src/features/protocol/losses.ts';
import type { Payload } from '../../src/features/protocol/payload.ts';
import { ENGINES } from './kit/engines.ts';
import type { ProtocolUnderTest } from './kit/protocol.ts';
import { familiesOf, useTwoNodes } from './kit/records.ts';

describe.each(ENGINES)('endings and decisions on $name', (engine) => {
  const on = useTwoNodes(engine);
  const { save, find, family, rotation } = familiesOf(on);

  describe('of a sign-in session', () => {
    const session = (more: Payload = {}): Payload => ({ uid: `u${on.name}`, accountId: 'alice', ...more });
    const signIn = (id: string, more: Payload = {}) => on.protocol.serve(() => save('Session', id, session(more)));
    const rotate = (from: string, to: string, more: Payload = {}, node = on.protocol) =>
      node.begin(async () => {
        await node.adapter('Session').destroy(from);
        await save('Session', to, session(more), node);
      });
    const logOut = (id: string) => on.protocol.serve(() => on.protocol.adapter('Session').destroy(id));

    it('let nothing be issued that depends on it and was under way', async () => {
      await family(on.name);
      await signIn(`s${on.name}`);
      const bound = { expiresWithSession: true, sessionUid: `u${on.name}` };
      const early = await on.elsewhere.begin(rotation(on.elsewhere, on.name, bound));
      const unbound = await on.elsewhere.begin(rotation(on.elsewhere, on.name, { sessionUid: `u${on.name}` }));
      await logOut(`s${on.name}`);
      expect(await early()).toBe(losses.grant);
      expect(await unbound()).toBeUndefined();
    });

    it('let a token be issued in the unit that begins it', async () => {
      await family(on.name);
      const outcome = await on.protocol.serve(async () => {
        await rotation(on.protocol, on.name, { expiresWithSession: true, sessionUid: `u${on.name}` })();
        await save('Session', `s${on.name}`, session());
      });
      expect(outcome).toBeUndefined();
    });

    it('hold against a request that saves it anew', async () => {
      await signIn(`s${on.name}`);
      const tab = await on.elsewhere.begin(() =>
        save('Session', `s${on.name}`, session({ note: 'anew' }), on.elsewhere),
      );
      await logOut(`s${on.name}`);
      expect(await tab()).toBe(losses.session);
      expect(await find('Session', `s${on.name}`)).toBeUndefined();
      expect(await on.protocol.adapter('Session').findByUid(`u${on.name}`)).toBeUndefined();
    });

    it('hold against a request that rotates it', async () => {
      await signIn(`s${on.name}`);
      const tab = await rotate(`s${on.name}`, `t${on.name}`);
      await logOut(`s${on.name}`);
      expect(await tab()).toBe(losses.session);
      expect(await find('Session', `t${on.name}`)).toBeUndefined();
    });

    it('are not what a rotation is: the former cookie leads to the new one for ten seconds', async () => {
      await signIn(`s${on.name}`);
      expect(await (await rotate(`s${on.name}`, `t${on.name}`))()).toBeUndefined();
      on.clock.advance(9_999);
      expect(await find('Session', `s${on.name}`)).toMatchObject({ jti: `t${on.name}`, accountId: 'alice' });
      on.clock.advance(1);
      expect(await find('Session', `s${on.name}`)).toBeUndefined();
      expect(await find('Session', `t${on.name}`)).toMatchObject({ accountId: 'alice' });
    });

    it('leave no way from an anonymous cookie, or one of somebody else, to the session that replaced it', async () => {
      const { accountId: _nobody, ...anonymous } = session();
      await on.protocol.serve(() => save('Session', `r${on.name}`, anonymous));
      await on.protocol.serve(async () => {
        await on.protocol.adapter('Session').destroy(`r${on.name}`);
        await save('Session', `s${on.name}`, anonymous);
      });
      expect(await find('Session', `s${on.name}`)).toBeDefined();
      expect(await find('Session', `r${on.name}`)).toBeUndefined();
      await (await rotate(`s${on.name}`, `t${on.name}`))();
      expect(await find('Session', `s${on.name}`)).toBeUndefined();
      await (await rotate(`t${on.name}`, `v${on.name}`, { accountId: 'bob' }))();
      expect(await find('Session', `t${on.name}`)).toBeUndefined();
      expect(await find('Session', `v${on.name}`)).toMatchObject({ accountId: 'bob' });
    });

    it('end both cookies that two tabs rotated from one, and the way from the former', async () => {
      await signIn(`s${on.name}`);
      const tabs = await Promise.all([
        rotate(`s${on.name}`, `t${on.name}`),
        rotate(`s${on.name}`, `v${on.name}`, {}, on.elsewhere),
      ]);
      expect(await Promise.all(tabs.map((commit) => commit()))).toEqual([undefined, undefined]);
      expect(await find('Session', `t${on.name}`)).toBeDefined();
      expect(await find('Session', `v${on.name}`)).toBeDefined();
      await logOut(`v${on.name}`);
      for (const id of [`s${on.name}`, `t${on.name}`, `v${on.name}`]) expect(await find('Session', id)).toBeUndefined();
    });

    it('of one app’s part leave the others alone, and two tabs that bring in two apps keep both', async () => {
      const parts = async () => Object.keys((await find('Session', `s${on.name}`))?.['authorizations'] ?? {}).sort();
      const saveWith = (node: ProtocolUnderTest, change: (parts: Record<string, unknown>) => void) =>
        node.begin(async () => {
          const read = await node.adapter('Session').find(`s${on.name}`);
          const authorizations = { ...(read?.['authorizations'] as object | undefined) };
          change(authorizations);
          await save('Session', `s${on.name}`, session({ authorizations }), node);
        });
      await signIn(`s${on.name}`);
      const tabs = await Promise.all([
        saveWith(on.protocol, (apps) => Object.assign(apps, { shop: { sid: 'one' } })),
        saveWith(on.elsewhere, (apps) => Object.assign(apps, { books: { sid: 'two' } })),
      ]);
      for (const commit of tabs) await commit();
      expect(await parts()).toEqual(['books', 'shop']);
      await (await saveWith(on.protocol, (apps) => void delete apps['shop']))();
      expect(await parts()).toEqual(['books']);
    });

    it('come by themselves when it is idle, or old, for too long', async () => {
      const loginTs = Math.floor(on.clock.now() / 1000);
      on.rules.sessionAbsoluteSeconds = 60;
      await signIn(`s${on.name}`, { loginTs, exp: loginTs + 3600 });
      await signIn(`t${on.name}`, { exp: loginTs + 59 });
      on.clock.advance(58_999);
      expect(await find('Session', `s${on.name}`)).toBeDefined();
      expect(await find('Session', `t${on.name}`)).toBeDefined();
      on.clock.advance(1_001);
      expect(await find('Session', `s${on.name}`)).toBeUndefined();
      expect(await find('Session', `t${on.name}`)).toBeUndefined();
    });

    it('tell each client that takes part once, however many tabs rotated it', async () => {
      const { client } = await on.features.clients.create(
        { redirect_uris: ['https://app.example/'], backchannel_logout_uri: 'https://app.example/out' },
        byOperator,
      );
      await on.features.clients.reload();
      const accountId = `owner ${on.name}`;
      const authorizations = { [client.clientId]: { sid: 'sid-1' }, silent: { sid: 'sid-2' } };
      await on.protocol.serve(() => save('Session', `w${on.name}`, { uid: `w${on.name}`, accountId }));
      await signIn(`s${on.name}`, { accountId, authorizations });
      const more = { accountId, authorizations };
      const tabs = await Promise.all([
        rotate(`s${on.name}`, `t${on.name}`, more),
        rotate(`s${on.name}`, `v${on.name}`, more),
      ]);
      for (const commit of tabs) await commit();
      expect(await on.protocol.endings.notices(accountId)).toHaveLength(1);
    });
  });

  describe('of a device code', () => {
    const userCode = () => `CODE${on.name}`;
    const decide = (node: ProtocolUnderTest, accountId: string) =>
      node.begin(async () => {
        await save('Grant', `${on.name}${accountId}`, { accountId }, node);
        await save('DeviceCode', on.name, { userCode: userCode(), accountId, grantId: `${on.name}${accountId}` }, node);
      });
    const takeUp = () =>
      on.elsewhere.begin(() => save('DeviceCode', on.name, { userCode: userCode(), inFlight: true }, on.elsewhere));

    beforeEach(() => on.protocol.serve(() => save('DeviceCode', on.name, { userCode: userCode() })));

    it('let the first of two people who decide stand', async () => {
      const begun = await Promise.all([decide(on.protocol, 'alice'), decide(on.elsewhere, 'bob')]);
      const outcomes = await Promise.all(begun.map((commit) => commit()));
      const winner = outcomes.indexOf(undefined) === 0 ? 'alice' : 'bob';
      expect(outcomes.filter((loss) => loss === losses.interaction)).toHaveLength(1);
      expect(await find('DeviceCode', on.name)).toMatchObject({ accountId: winner });
      const grants = await on.protocol.rows(
        'SELECT id FROM grants WHERE id IN (?1, ?2)',
        `${on.name}alice`,
        `${on.name}bob`,
      );
      expect(grants).toEqual([{ id: `${on.name}${winner}` }]);
      expect(await on.protocol.adapter('DeviceCode').findByUserCode(userCode())).toBeUndefined();
    });

    it('let a refusal stand', async () => {
      const late = await decide(on.elsewhere, 'alice');
      await on.protocol.serve(() => save('DeviceCode', on.name, { userCode: userCode(), error: 'access_denied' }));
      expect(await late()).toBe(losses.interaction);
      expect(await find('DeviceCode', on.name)).toMatchObject({ error: 'access_denied' });
    });

    it('are not undone by a browser that only takes it up', async () => {
      const late = await takeUp();
      expect(await (await takeUp())()).toBeUndefined();
      await (await decide(on.protocol, 'alice'))();
      expect(await late()).toBe(losses.interaction);
      expect(await find('DeviceCode', on.name)).toMatchObject({ accountId: 'alice' });
    });
  });
});
