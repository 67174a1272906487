import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { losses } from '../../src/features/protocol/losses.ts';
import type { Payload } from '../../src/features/protocol/payload.ts';
import type { TestClock } from '../kit/features.ts';
import { ENGINES, ids } from './kit/engines.ts';
import {
  type Kind,
  type ProtocolUnderTest,
  payloadOf,
  type Rules,
  standardRules,
  startTwoNodes,
  type TwoNodes,
} from './kit/protocol.ts';

const racers = 64;

describe.each(ENGINES)('uses of protocol records on $name', (engine) => {
  let nodes: TwoNodes;
  let clock: TestClock;
  let rules: Rules;
  let protocol: ProtocolUnderTest;
  let elsewhere: ProtocolUnderTest;
  let name: string;

  beforeAll(async () => {
    nodes = await startTwoNodes(engine);
    ({ clock, rules, protocol, elsewhere } = nodes);
  });
  afterAll(() => nodes?.stop());
  beforeEach(() => {
    name = ids.next();
    Object.assign(rules, standardRules());
  });

  const tokenOf: Partial<Record<Kind, string>> = { AccessToken: 'at_', ClientCredentials: 'cc_', RefreshToken: 'rt_' };
  const idOf = (kind: Kind, suffix = ''): string => `${tokenOf[kind] ?? ''}${name}${suffix}`;
  const save = (kind: Kind, more: Payload = {}, id = idOf(kind)) =>
    protocol.adapter(kind).upsert(id, payloadOf(clock, kind, more));
  const saved = (kind: Kind, more: Payload = {}, id = idOf(kind)) => protocol.serve(() => save(kind, more, id));
  const find = (kind: Kind, id = idOf(kind)) => protocol.adapter(kind).find(id);
  const grant = () => saved('Grant', { accountId: 'alice' }, name);
  const rowOf = async (kind: Kind, id = idOf(kind)) => protocol.store.artifact(protocol.codec.keyOf(kind, id));
  /** Does the work in 64 requests on two nodes, all of which have read before the first of them commits. */
  const race = async (work: (node: ProtocolUnderTest, index: number) => Promise<unknown>) => {
    const nodes = Array.from({ length: racers }, (_, index) => (index % 2 === 0 ? protocol : elsewhere));
    const commits = await Promise.all(nodes.map((node, index) => node.begin(() => work(node, index))));
    return Promise.all(commits.map((commit) => commit()));
  };
  const aliveTokens = () =>
    protocol.rows("SELECT id FROM artifacts WHERE grant_id = ?1 AND kind = 'AccessToken' AND ended_at IS NULL", name);

  describe('that may be used once', () => {
    const once: Kind[] = ['AuthorizationCode', 'RefreshToken', 'DeviceCode', 'PushedAuthorizationRequest'];

    const issueFor = (kind: Kind) => async (node: ProtocolUnderTest, index: number) => {
      expect(await node.adapter(kind).find(idOf(kind))).not.toHaveProperty('consumed');
      await node.adapter(kind).consume(idOf(kind));
      await node
        .adapter('AccessToken')
        .upsert(`at_${name}${index}`, payloadOf(clock, 'AccessToken', { grantId: name }));
    };

    it.each(once)('give a %s to one of 64 units from two nodes, and keep nothing of the others', async (kind) => {
      rules.graceMs = 0;
      await grant();
      await saved(kind, { grantId: name });
      const lost = (await race(issueFor(kind))).filter((loss) => loss !== undefined);
      expect(lost).toHaveLength(racers - 1);
      expect(new Set(lost)).toEqual(
        new Set([kind === 'PushedAuthorizationRequest' ? losses.pushedRequest : losses.grant]),
      );
      expect(await aliveTokens()).toHaveLength(1);
    });

    it('take an assertion from one of 64 units', async () => {
      const outcomes = await race(async (node, index) => {
        expect(await node.adapter('ReplayDetection').find(name)).toBeUndefined();
        await node.adapter('ReplayDetection').upsert(name, payloadOf(clock, 'ReplayDetection'));
        const token = payloadOf(clock, 'ClientCredentials', { clientId: name });
        await node.adapter('ClientCredentials').upsert(`cc_${name}${index}`, token);
      });
      expect(outcomes.filter((loss) => loss === losses.assertion)).toHaveLength(racers - 1);
      expect(await protocol.rows('SELECT id FROM artifacts WHERE client_id = ?1', name)).toHaveLength(1);
    });

    it('show a use that is just settling to nobody, and afterwards to everybody', async () => {
      rules.graceMs = 0;
      await saved('AuthorizationCode');
      await protocol.serve(async () => {
        await protocol.adapter('AuthorizationCode').consume(idOf('AuthorizationCode'));
      });
      clock.advance(499);
      expect(await find('AuthorizationCode')).not.toHaveProperty('consumed');
      // Settling or not, it cannot be used again.
      const again = await protocol.serve(() =>
        protocol.adapter('AuthorizationCode').consume(idOf('AuthorizationCode')),
      );
      expect(again).toBe(losses.grant);
      clock.advance(1);
      expect(await find('AuthorizationCode')).toHaveProperty('consumed');
    });

    it('show a use to the request that began before it as unused, however long that takes', async () => {
      rules.graceMs = 0;
      await saved('AuthorizationCode');
      await protocol.serve(async () => {
        await elsewhere.serve(() => elsewhere.adapter('AuthorizationCode').consume(idOf('AuthorizationCode')));
        clock.advance(60_000);
        expect(await find('AuthorizationCode')).not.toHaveProperty('consumed');
      });
      expect(await find('AuthorizationCode')).toHaveProperty('consumed');
    });

    it('show a use to the unit that makes it', async () => {
      await protocol.serve(async () => {
        await save('DeviceCode');
        await protocol.adapter('DeviceCode').consume(idOf('DeviceCode'));
        expect(await find('DeviceCode')).toHaveProperty('consumed');
      });
    });
  });

  describe('of refresh tokens with a grace window', () => {
    const rotation = async (node: ProtocolUnderTest, index: number) => {
      expect(await node.adapter('RefreshToken').find(idOf('RefreshToken'))).not.toHaveProperty('consumed');
      await node.adapter('RefreshToken').consume(idOf('RefreshToken'));
      const successor = payloadOf(clock, 'RefreshToken', { grantId: name });
      await node.adapter('RefreshToken').upsert(idOf('RefreshToken', 's'), successor);
      await node
        .adapter('AccessToken')
        .upsert(`at_${name}${index}`, payloadOf(clock, 'AccessToken', { grantId: name }));
    };
    const rotate = (node = protocol, index = 0) => node.serve(() => rotation(node, index));

    beforeEach(async () => {
      await grant();
      await saved('RefreshToken', { grantId: name });
    });

    it('let 64 units from two nodes in, with one successor', async () => {
      const outcomes = await race(rotation);
      expect(outcomes).toEqual(Array(racers).fill(undefined));
      expect(await aliveTokens()).toHaveLength(racers);
      const tokens = await protocol.rows(
        "SELECT id FROM artifacts WHERE grant_id = ?1 AND kind = 'RefreshToken'",
        name,
      );
      expect(tokens).toHaveLength(2);
    });

    it('repeat a use within the window, which stays where it was, and not after it', async () => {
      expect(await rotate()).toBeUndefined();
      const first = clock.now();
      clock.advance(9_999);
      expect(await rotate(elsewhere, 1)).toBeUndefined();
      expect((await rowOf('RefreshToken'))?.consumed_at).toBe(first);
      clock.advance(1);
      expect(await protocol.serve(() => protocol.adapter('RefreshToken').consume(idOf('RefreshToken')))).toBe(
        losses.grant,
      );
      expect(await find('RefreshToken')).toHaveProperty('consumed');
    });

    it('leave a successor that was used meanwhile used', async () => {
      await rotate();
      await protocol.serve(() => protocol.adapter('RefreshToken').consume(idOf('RefreshToken', 's')));
      const used = (await rowOf('RefreshToken', idOf('RefreshToken', 's')))?.consumed_at;
      clock.advance(1_000);
      expect(await rotate()).toBeUndefined();
      expect((await rowOf('RefreshToken', idOf('RefreshToken', 's')))?.consumed_at).toBe(used);
    });

    it('lose when the successor has been ended meanwhile', async () => {
      await rotate();
      await protocol.serve(() => protocol.adapter('RefreshToken').destroy(idOf('RefreshToken', 's')));
      expect(await rotate(protocol, 1)).toBe(losses.grant);
      expect(await aliveTokens()).toHaveLength(1);
    });

    it('keep the token unused when the answer becomes a refusal', async () => {
      await protocol.serve(() => protocol.adapter('RefreshToken').consume(idOf('RefreshToken')), 400);
      expect((await rowOf('RefreshToken'))?.consumed_at).toBeNull();
    });
  });
});
