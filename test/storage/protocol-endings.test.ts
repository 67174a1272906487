import { beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { losses } from '../../src/features/protocol/losses.ts';
import { ENGINES } from './kit/engines.ts';
import { inAnHour, type Kind, type ProtocolUnderTest } from './kit/protocol.ts';
import { familiesOf, useTwoNodes } from './kit/records.ts';

const pairs = Array.from({ length: 50 }, (_, index) => index);

describe.each(ENGINES)('endings of protocol records on $name', (engine) => {
  const on = useTwoNodes(engine);
  const { save, find, family, rotation } = familiesOf(on);
  const familyEnding = (node: ProtocolUnderTest, grantId: string) => async () => {
    await node.adapter('RefreshToken').revokeByGrantId(grantId);
    await node.adapter('AccessToken').revokeByGrantId(grantId);
  };
  const revocation = (node: ProtocolUnderTest, grantId: string) => async () => {
    await node.adapter('RefreshToken').destroy(`rt_${grantId}`);
    await familyEnding(node, grantId)();
    await node.adapter('Grant').destroy(grantId);
  };
  const aliveUnder = async (grants: readonly string[]) => {
    const rows = await on.protocol.rows(
      'SELECT grant_id FROM artifacts WHERE ended_at IS NULL AND grant_id IS NOT NULL',
    );
    const living = await on.protocol.rows('SELECT id AS grant_id FROM grants WHERE ended_at IS NULL');
    return [...rows, ...living].filter((row) => grants.includes(String(row['grant_id'])));
  };

  describe('of a grant', () => {
    /** Ways to end it, as begun on one node. */
    const ways: Record<string, () => Promise<() => Promise<unknown>>> = {
      'its revocation': () => on.protocol.begin(revocation(on.protocol, on.name)),
      'the end of its account': async () => async () =>
        on.protocol.commit(await on.protocol.endings.ofAccount(`owner ${on.name}`, 'disabled')),
      'the end of its client': async () => async () =>
        on.protocol.commit(await on.protocol.endings.ofClient(`client ${on.name}`)),
    };

    const owned = () => ({ accountId: `owner ${on.name}`, clientId: `client ${on.name}` });

    beforeEach(() => family(on.name, owned()));

    it.each(Object.keys(ways))('let nothing be issued that was under way, when %s commits first', async (way) => {
      const end = await ways[way]?.();
      const refresh = await on.elsewhere.begin(rotation(on.elsewhere, on.name, owned()));
      const authorize = await on.elsewhere.begin(() =>
        save('AuthorizationCode', on.name, { grantId: on.name, ...owned() }, on.elsewhere),
      );
      await end?.();
      expect(await refresh()).toBe(losses.grant);
      expect(await authorize()).toBe(losses.grant);
      expect(await aliveUnder([on.name])).toEqual([]);
    });

    it.each(Object.keys(ways))('take along what was issued meanwhile, when %s commits last', async (way) => {
      const end = await ways[way]?.();
      const issue = await on.elsewhere.begin(rotation(on.elsewhere, on.name, owned()));
      expect(await issue()).toBeUndefined();
      expect(await aliveUnder([on.name])).toHaveLength(4);
      await end?.();
      expect(await aliveUnder([on.name])).toEqual([]);
    });

    it('hide its family within the unit that revokes it, what is pending included', async () => {
      await on.protocol.serve(() => save('AccessToken', `at_${on.name}`, { grantId: on.name, ...owned() }));
      await on.protocol.serve(async () => {
        await rotation(on.protocol, on.name)();
        await revocation(on.protocol, on.name)();
        expect(await find('AccessToken', `at_${on.name}`)).toBeUndefined();
        expect(await find('RefreshToken', `rt_${on.name}`)).toBeUndefined();
        expect(await find('RefreshToken', `rt_${on.name}s`)).toBeUndefined();
        expect(await find('Grant', on.name)).toBeUndefined();
      });
    });

    const pairsOf = async (grants: readonly string[], ending: typeof revocation) => {
      await Promise.all(grants.map((grantId) => family(grantId)));
      const begun = await Promise.all(
        grants.map(async (grantId, index) => {
          const [one, two] = index % 2 === 0 ? [on.protocol, on.elsewhere] : [on.elsewhere, on.protocol];
          const both = [await one.begin(ending(one, grantId)), await two.begin(rotation(two, grantId))];
          return index % 4 < 2 ? both : both.reverse();
        }),
      );
      return Promise.all(begun.flat().map((commit) => commit()));
    };

    it('never stop each other: 50 revocations beside 50 refreshes leave nothing alive', async () => {
      const grants = pairs.map((index) => `${on.name}-${index}`);
      const outcomes = await pairsOf(grants, revocation);
      expect(outcomes.filter((loss) => loss !== undefined && loss !== losses.grant)).toEqual([]);
      expect(await aliveUnder(grants)).toEqual([]);
    });

    it('of its tokens alone leave none of them alive, refreshed meanwhile or not', async () => {
      const grants = pairs.map((index) => `${on.name}-${index}`);
      await pairsOf(grants, familyEnding);
      expect(await aliveUnder(grants)).toEqual(expect.arrayContaining(grants.map((id) => ({ grant_id: id }))));
      expect(await aliveUnder(grants)).toHaveLength(grants.length);
    });

    it('never stop each other either when an account ends whose 50 grants are in use', async () => {
      const grants = pairs.map((index) => `${on.name}-${index}`);
      await Promise.all(grants.map((grantId) => family(grantId, owned())));
      const begun = await Promise.all(
        grants.map((grantId) => on.elsewhere.begin(rotation(on.elsewhere, grantId, owned()))),
      );
      const end = async () => on.protocol.commit(await on.protocol.endings.ofAccount(`owner ${on.name}`, 'disabled'));
      const all = begun.flatMap((commit, index) => (index % 20 === 10 ? [commit, end] : [commit]));
      await Promise.all(all.map((commit) => commit()));
      expect(await aliveUnder(grants)).toEqual([]);
    });
  });

  describe('of accounts and clients', () => {
    const everything = (accountId: string, clientId: string, suffix: string) =>
      on.protocol.serve(async () => {
        const owned = { accountId, clientId, grantId: `${on.name}${suffix}` };
        await save('Grant', owned.grantId, owned);
        await save('Session', `s${on.name}${suffix}`, { uid: `u${on.name}${suffix}`, accountId });
        await save('AuthorizationCode', `${on.name}${suffix}`, owned);
        await save('AccessToken', `at_${on.name}${suffix}`, owned);
        await save('RefreshToken', `rt_${on.name}${suffix}`, owned);
        await save('ClientCredentials', `cc_${on.name}${suffix}`, { clientId });
      });
    const found = async (suffix: string) => {
      const places: [Kind, string][] = [
        ['Grant', `${on.name}${suffix}`],
        ['AuthorizationCode', `${on.name}${suffix}`],
        ['AccessToken', `at_${on.name}${suffix}`],
        ['RefreshToken', `rt_${on.name}${suffix}`],
        ['Session', `s${on.name}${suffix}`],
        ['ClientCredentials', `cc_${on.name}${suffix}`],
      ];
      const all = await Promise.all(places.map(async ([kind, id]) => ((await find(kind, id)) ? [kind] : [])));
      return all.flat();
    };

    it('end all that a person holds in one unit, and nothing of others', async () => {
      await everything(`alice ${on.name}`, 'shop', 'a');
      await everything(`bob ${on.name}`, 'shop', 'b');
      await on.protocol.commit(await on.protocol.endings.ofAccount(`alice ${on.name}`, 'disabled'));
      expect(await found('a')).toEqual(['ClientCredentials']);
      expect(await found('b')).toHaveLength(6);
    });

    it('end all that a client holds in one unit, JWTs included, and nothing of others', async () => {
      await everything('alice', `shop ${on.name}`, 'a');
      await everything('alice', `books ${on.name}`, 'b');
      await on.protocol.commit(await on.protocol.endings.ofClient(`shop ${on.name}`));
      expect(await found('a')).toEqual(['Session']);
      expect(await found('b')).toHaveLength(6);
      const denials = await on.protocol.store.denials([`client:shop ${on.name}`, `client:books ${on.name}`, 'none']);
      expect(denials).toEqual(new Map([[`client:shop ${on.name}`, on.clock.now()]]));
    });

    it('hide what a node issued to a client before it heard that the client is disabled', async () => {
      const { client } = await on.features.clients.create({ grant_types: ['client_credentials'] }, byOperator);
      await on.features.clients.disable(client.clientId, byOperator, on.protocol.endings.ofClient);
      await on.protocol.serve(() => save('ClientCredentials', `cc_${on.name}`, { clientId: client.clientId }));
      expect(await find('ClientCredentials', `cc_${on.name}`)).toBeUndefined();
    });
  });

  it('deny what was signed, at the latest moment and for the longest time that was asked for', async () => {
    await family(on.name);
    const expiry = async () =>
      (await on.protocol.rows('SELECT denied_at, expires_at FROM denials WHERE id = ?1', `grant:${on.name}`))[0];
    await on.protocol.serve(revocation(on.protocol, on.name));
    const first = on.clock.now();
    expect(await expiry()).toEqual({ denied_at: first, expires_at: first + 86_400_000 });
    on.clock.advance(1_000);
    await on.protocol.serve(revocation(on.protocol, on.name));
    expect(await expiry()).toEqual({ denied_at: first + 1_000, expires_at: first + 86_401_000 });
  });

  describe('by the sweep', () => {
    const sweep = (before = on.clock.now()) => on.protocol.commit(on.protocol.store.sweep(before));
    const count = async (table: string) =>
      Number((await on.protocol.rows(`SELECT count(*) AS n FROM ${table}`))[0]?.['n']);

    it('remove what expired before the given moment, in batches of 500, and nothing else', async () => {
      on.clock.advance(7 * 86_400_000);
      for (let batch = 0; batch < 5; batch += 1) await sweep();
      expect([await count('artifacts'), await count('grants'), await count('sign_in_sessions')]).toEqual([0, 0, 0]);
      const soon = Math.floor(on.clock.now() / 1000) + 60;
      await on.protocol.serve(async () => {
        for (const index of Array(1_200).keys()) await save('AccessToken', `at_${on.name}${index}`, { exp: soon });
        await save('AccessToken', `at_${on.name}`, { exp: soon + 1 });
        await save('Session', `s${on.name}`, { uid: `u${on.name}`, accountId: 'alice', exp: soon });
      });
      await sweep(soon * 1000);
      expect(await count('artifacts')).toBe(1_202);
      await sweep(soon * 1000 + 1);
      expect(await count('artifacts')).toBe(702);
      expect(await count('sign_in_sessions')).toBe(0);
      await sweep(soon * 1000 + 1);
      await sweep(soon * 1000 + 1);
      expect(await count('artifacts')).toBe(1);
      expect(await find('AccessToken', `at_${on.name}`)).toBeDefined();
      await on.protocol.commit([]);
    });

    it('leave what has no end', async () => {
      await on.protocol.serve(() => save('AccessToken', `at_${on.name}`, { exp: undefined }));
      on.clock.advance(1_000_000_000);
      await sweep();
      expect(await find('AccessToken', `at_${on.name}`)).toBeDefined();
    });

    it('leave no token without its grant, even where the grant expired first', async () => {
      await on.protocol.serve(async () => {
        await save('Grant', on.name, { exp: inAnHour(on.clock) - 3_000 });
        await save('RefreshToken', `rt_${on.name}`, { grantId: on.name });
      });
      const orphans = () =>
        on.protocol.rows(
          'SELECT a.id FROM artifacts a LEFT JOIN grants g ON g.id = a.grant_id WHERE a.grant_id IS NOT NULL AND a.ended_at IS NULL AND g.id IS NULL',
        );
      on.clock.advance(3_000_000);
      await sweep();
      expect(await find('RefreshToken', `rt_${on.name}`)).toBeDefined();
      expect(await orphans()).toEqual([]);
      on.clock.advance(3_000_000);
      await sweep();
      await sweep();
      expect(await find('RefreshToken', `rt_${on.name}`)).toBeUndefined();
      expect(await on.protocol.rows('SELECT id FROM grants WHERE id = ?1', on.name)).toEqual([]);
    });
  });
});
