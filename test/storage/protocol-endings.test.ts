import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { losses } from '../../src/features/protocol/losses.ts';
import type { Payload } from '../../src/features/protocol/payload.ts';
import type { TestClock } from '../kit/features.ts';
import { ENGINES, ids } from './kit/engines.ts';
import {
  inAnHour,
  type Kind,
  type ProtocolUnderTest,
  payloadOf,
  standardRules,
  startTwoNodes,
  type TwoNodes,
} from './kit/protocol.ts';

const pairs = Array.from({ length: 50 }, (_, index) => index);

describe.each(ENGINES)('endings of protocol records on $name', (engine) => {
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
    const rows = await protocol.rows('SELECT grant_id FROM artifacts WHERE ended_at IS NULL AND grant_id IS NOT NULL');
    const living = await protocol.rows('SELECT id AS grant_id FROM grants WHERE ended_at IS NULL');
    return [...rows, ...living].filter((row) => grants.includes(String(row['grant_id'])));
  };

  describe('of a grant', () => {
    /** Ways to end it, as begun on one node. */
    const ways: Record<string, () => Promise<() => Promise<unknown>>> = {
      'its revocation': () => protocol.begin(revocation(protocol, name)),
      'the end of its account': async () => async () =>
        protocol.commit(await protocol.endings.ofAccount(`owner ${name}`)),
      'the end of its client': async () => async () =>
        protocol.commit(await protocol.endings.ofClient(`client ${name}`)),
    };

    const owned = () => ({ accountId: `owner ${name}`, clientId: `client ${name}` });

    beforeEach(() => family(name, owned()));

    it.each(Object.keys(ways))('let nothing be issued that was under way, when %s commits first', async (way) => {
      const end = await ways[way]?.();
      const refresh = await elsewhere.begin(rotation(elsewhere, name, owned()));
      const authorize = await elsewhere.begin(() =>
        save('AuthorizationCode', name, { grantId: name, ...owned() }, elsewhere),
      );
      await end?.();
      expect(await refresh()).toBe(losses.grant);
      expect(await authorize()).toBe(losses.grant);
      expect(await aliveUnder([name])).toEqual([]);
    });

    it.each(Object.keys(ways))('take along what was issued meanwhile, when %s commits last', async (way) => {
      const end = await ways[way]?.();
      const issue = await elsewhere.begin(rotation(elsewhere, name, owned()));
      expect(await issue()).toBeUndefined();
      expect(await aliveUnder([name])).toHaveLength(4);
      await end?.();
      expect(await aliveUnder([name])).toEqual([]);
    });

    it('hide its family within the unit that revokes it, what is pending included', async () => {
      await protocol.serve(() => save('AccessToken', `at_${name}`, { grantId: name, ...owned() }));
      await protocol.serve(async () => {
        await rotation(protocol, name)();
        await revocation(protocol, name)();
        expect(await find('AccessToken', `at_${name}`)).toBeUndefined();
        expect(await find('RefreshToken', `rt_${name}`)).toBeUndefined();
        expect(await find('RefreshToken', `rt_${name}s`)).toBeUndefined();
        expect(await find('Grant', name)).toBeUndefined();
      });
    });

    const pairsOf = async (grants: readonly string[], ending: typeof revocation) => {
      await Promise.all(grants.map((grantId) => family(grantId)));
      const begun = await Promise.all(
        grants.map(async (grantId, index) => {
          const [one, two] = index % 2 === 0 ? [protocol, elsewhere] : [elsewhere, protocol];
          const both = [await one.begin(ending(one, grantId)), await two.begin(rotation(two, grantId))];
          return index % 4 < 2 ? both : both.reverse();
        }),
      );
      return Promise.all(begun.flat().map((commit) => commit()));
    };

    it('never stop each other: 50 revocations beside 50 refreshes leave nothing alive', async () => {
      const grants = pairs.map((index) => `${name}-${index}`);
      const outcomes = await pairsOf(grants, revocation);
      expect(outcomes.filter((loss) => loss !== undefined && loss !== losses.grant)).toEqual([]);
      expect(await aliveUnder(grants)).toEqual([]);
    });

    it('of its tokens alone leave none of them alive, refreshed meanwhile or not', async () => {
      const grants = pairs.map((index) => `${name}-${index}`);
      await pairsOf(grants, familyEnding);
      expect(await aliveUnder(grants)).toEqual(expect.arrayContaining(grants.map((id) => ({ grant_id: id }))));
      expect(await aliveUnder(grants)).toHaveLength(grants.length);
    });

    it('never stop each other either when an account ends whose 50 grants are in use', async () => {
      const grants = pairs.map((index) => `${name}-${index}`);
      await Promise.all(grants.map((grantId) => family(grantId, owned())));
      const begun = await Promise.all(grants.map((grantId) => elsewhere.begin(rotation(elsewhere, grantId, owned()))));
      const end = async () => protocol.commit(await protocol.endings.ofAccount(`owner ${name}`));
      const all = begun.flatMap((commit, index) => (index % 20 === 10 ? [commit, end] : [commit]));
      await Promise.all(all.map((commit) => commit()));
      expect(await aliveUnder(grants)).toEqual([]);
    });
  });

  describe('of accounts and clients', () => {
    const everything = (accountId: string, clientId: string, suffix: string) =>
      protocol.serve(async () => {
        const owned = { accountId, clientId, grantId: `${name}${suffix}` };
        await save('Grant', owned.grantId, owned);
        await save('Session', `s${name}${suffix}`, { uid: `u${name}${suffix}`, accountId });
        await save('AuthorizationCode', `${name}${suffix}`, owned);
        await save('AccessToken', `at_${name}${suffix}`, owned);
        await save('RefreshToken', `rt_${name}${suffix}`, owned);
        await save('ClientCredentials', `cc_${name}${suffix}`, { clientId });
      });
    const found = async (suffix: string) => {
      const places: [Kind, string][] = [
        ['Grant', `${name}${suffix}`],
        ['AuthorizationCode', `${name}${suffix}`],
        ['AccessToken', `at_${name}${suffix}`],
        ['RefreshToken', `rt_${name}${suffix}`],
        ['Session', `s${name}${suffix}`],
        ['ClientCredentials', `cc_${name}${suffix}`],
      ];
      const all = await Promise.all(places.map(async ([kind, id]) => ((await find(kind, id)) ? [kind] : [])));
      return all.flat();
    };

    it('end all that a person holds in one unit, and nothing of others', async () => {
      await everything(`alice ${name}`, 'shop', 'a');
      await everything(`bob ${name}`, 'shop', 'b');
      await protocol.commit(await protocol.endings.ofAccount(`alice ${name}`));
      expect(await found('a')).toEqual(['ClientCredentials']);
      expect(await found('b')).toHaveLength(6);
    });

    it('end all that a client holds in one unit, JWTs included, and nothing of others', async () => {
      await everything('alice', `shop ${name}`, 'a');
      await everything('alice', `books ${name}`, 'b');
      await protocol.commit(await protocol.endings.ofClient(`shop ${name}`));
      expect(await found('a')).toEqual(['Session']);
      expect(await found('b')).toHaveLength(6);
      const denials = await protocol.store.denials([`client:shop ${name}`, `client:books ${name}`, 'none']);
      expect(denials).toEqual(new Map([[`client:shop ${name}`, clock.now()]]));
    });

    it('hide what a node issued to a client before it heard that the client is disabled', async () => {
      const { client } = await nodes.features.clients.create({ grant_types: ['client_credentials'] }, byOperator);
      await nodes.features.clients.disable(client.clientId, byOperator, protocol.endings.ofClient);
      await protocol.serve(() => save('ClientCredentials', `cc_${name}`, { clientId: client.clientId }));
      expect(await find('ClientCredentials', `cc_${name}`)).toBeUndefined();
    });
  });

  it('deny what was signed, at the latest moment and for the longest time that was asked for', async () => {
    await family(name);
    const expiry = async () =>
      (await protocol.rows('SELECT denied_at, expires_at FROM denials WHERE id = ?1', `grant:${name}`))[0];
    await protocol.serve(revocation(protocol, name));
    const first = clock.now();
    expect(await expiry()).toEqual({ denied_at: first, expires_at: first + 86_400_000 });
    clock.advance(1_000);
    await protocol.serve(revocation(protocol, name));
    expect(await expiry()).toEqual({ denied_at: first + 1_000, expires_at: first + 86_401_000 });
  });

  describe('by the sweep', () => {
    const sweep = (before = clock.now()) => protocol.commit(protocol.store.sweep(before));
    const count = async (table: string) =>
      Number((await protocol.rows(`SELECT count(*) AS n FROM ${table}`))[0]?.['n']);

    it('remove what expired before the given moment, in batches of 500, and nothing else', async () => {
      clock.advance(7 * 86_400_000);
      for (let batch = 0; batch < 5; batch += 1) await sweep();
      expect([await count('artifacts'), await count('grants'), await count('sign_in_sessions')]).toEqual([0, 0, 0]);
      const soon = Math.floor(clock.now() / 1000) + 60;
      await protocol.serve(async () => {
        for (const index of Array(1_200).keys()) await save('AccessToken', `at_${name}${index}`, { exp: soon });
        await save('AccessToken', `at_${name}`, { exp: soon + 1 });
        await save('Session', `s${name}`, { uid: `u${name}`, accountId: 'alice', exp: soon });
      });
      await sweep(soon * 1000);
      expect(await count('artifacts')).toBe(1_202);
      await sweep(soon * 1000 + 1);
      expect(await count('artifacts')).toBe(702);
      expect(await count('sign_in_sessions')).toBe(0);
      await sweep(soon * 1000 + 1);
      await sweep(soon * 1000 + 1);
      expect(await count('artifacts')).toBe(1);
      expect(await find('AccessToken', `at_${name}`)).toBeDefined();
      await protocol.commit([]);
    });

    it('leave what has no end', async () => {
      await protocol.serve(() => save('AccessToken', `at_${name}`, { exp: undefined }));
      clock.advance(1_000_000_000);
      await sweep();
      expect(await find('AccessToken', `at_${name}`)).toBeDefined();
    });

    it('leave no token without its grant, even where the grant expired first', async () => {
      await protocol.serve(async () => {
        await save('Grant', name, { exp: inAnHour(clock) - 3_000 });
        await save('RefreshToken', `rt_${name}`, { grantId: name });
      });
      const orphans = () =>
        protocol.rows(
          'SELECT a.id FROM artifacts a LEFT JOIN grants g ON g.id = a.grant_id WHERE a.grant_id IS NOT NULL AND a.ended_at IS NULL AND g.id IS NULL',
        );
      clock.advance(3_000_000);
      await sweep();
      expect(await find('RefreshToken', `rt_${name}`)).toBeDefined();
      expect(await orphans()).toEqual([]);
      clock.advance(3_000_000);
      await sweep();
      await sweep();
      expect(await find('RefreshToken', `rt_${name}`)).toBeUndefined();
      expect(await protocol.rows('SELECT id FROM grants WHERE id = ?1', name)).toEqual([]);
    });
  });
});
