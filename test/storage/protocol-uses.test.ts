import { beforeEach, describe, expect, it } from 'vitest';
import { losses } from '../../src/features/protocol/losses.ts';
import { ENGINES } from './kit/engines.ts';
import { type Kind, type ProtocolUnderTest, payloadOf } from './kit/protocol.ts';
import { recordsOf, useTwoNodes } from './kit/records.ts';

const racers = 64;

describe.each(ENGINES)('uses of protocol records on $name', (engine) => {
  const on = useTwoNodes(engine);
  const { idOf, save, saved, find, grant, rowOf } = recordsOf(on);
  /** Does the work in 64 requests on two nodes, all of which have read before the first of them commits. */
  const race = async (work: (node: ProtocolUnderTest, index: number) => Promise<unknown>) => {
    const nodes = Array.from({ length: racers }, (_, index) => (index % 2 === 0 ? on.protocol : on.elsewhere));
    const commits = await Promise.all(nodes.map((node, index) => node.begin(() => work(node, index))));
    return Promise.all(commits.map((commit) => commit()));
  };
  const aliveTokens = () =>
    on.protocol.rows(
      "SELECT id FROM artifacts WHERE grant_id = ?1 AND kind = 'AccessToken' AND ended_at IS NULL",
      on.name,
    );

  describe('that may be used once', () => {
    const once: Kind[] = ['AuthorizationCode', 'RefreshToken', 'DeviceCode', 'PushedAuthorizationRequest'];

    const issueFor = (kind: Kind) => async (node: ProtocolUnderTest, index: number) => {
      expect(await node.adapter(kind).find(idOf(kind))).not.toHaveProperty('consumed');
      await node.adapter(kind).consume(idOf(kind));
      await node
        .adapter('AccessToken')
        .upsert(`at_${on.name}${index}`, payloadOf(on.clock, 'AccessToken', { grantId: on.name }));
    };

    it.each(once)('give a %s to one of 64 units from two nodes, and keep nothing of the others', async (kind) => {
      on.rules.graceMs = 0;
      await grant();
      await saved(kind, { grantId: on.name });
      const lost = (await race(issueFor(kind))).filter((loss) => loss !== undefined);
      expect(lost).toHaveLength(racers - 1);
      expect(new Set(lost)).toEqual(
        new Set([kind === 'PushedAuthorizationRequest' ? losses.pushedRequest : losses.grant]),
      );
      expect(await aliveTokens()).toHaveLength(1);
    });

    it('take an assertion from one of 64 units', async () => {
      const outcomes = await race(async (node, index) => {
        expect(await node.adapter('ReplayDetection').find(on.name)).toBeUndefined();
        await node.adapter('ReplayDetection').upsert(on.name, payloadOf(on.clock, 'ReplayDetection'));
        const token = payloadOf(on.clock, 'ClientCredentials', { clientId: on.name });
        await node.adapter('ClientCredentials').upsert(`cc_${on.name}${index}`, token);
      });
      expect(outcomes.filter((loss) => loss === losses.assertion)).toHaveLength(racers - 1);
      expect(await on.protocol.rows('SELECT id FROM artifacts WHERE client_id = ?1', on.name)).toHaveLength(1);
    });

    it('show a use that is just settling to nobody, and afterwards to everybody', async () => {
      on.rules.graceMs = 0;
      await saved('AuthorizationCode');
      await on.protocol.serve(async () => {
        await on.protocol.adapter('AuthorizationCode').consume(idOf('AuthorizationCode'));
      });
      on.clock.advance(499);
      expect(await find('AuthorizationCode')).not.toHaveProperty('consumed');
      // Settling or not, it cannot be used again.
      const again = await on.protocol.serve(() =>
        on.protocol.adapter('AuthorizationCode').consume(idOf('AuthorizationCode')),
      );
      expect(again).toBe(losses.grant);
      on.clock.advance(1);
      expect(await find('AuthorizationCode')).toHaveProperty('consumed');
    });

    it('show a use to the request that began before it as unused, however long that takes', async () => {
      on.rules.graceMs = 0;
      await saved('AuthorizationCode');
      await on.protocol.serve(async () => {
        await on.elsewhere.serve(() => on.elsewhere.adapter('AuthorizationCode').consume(idOf('AuthorizationCode')));
        on.clock.advance(60_000);
        expect(await find('AuthorizationCode')).not.toHaveProperty('consumed');
      });
      expect(await find('AuthorizationCode')).toHaveProperty('consumed');
    });

    it('show a use to the unit that makes it', async () => {
      await on.protocol.serve(async () => {
        await save('DeviceCode');
        await on.protocol.adapter('DeviceCode').consume(idOf('DeviceCode'));
        expect(await find('DeviceCode')).toHaveProperty('consumed');
      });
    });
  });

  describe('of refresh tokens with a grace window', () => {
    const rotation = async (node: ProtocolUnderTest, index: number) => {
      expect(await node.adapter('RefreshToken').find(idOf('RefreshToken'))).not.toHaveProperty('consumed');
      await node.adapter('RefreshToken').consume(idOf('RefreshToken'));
      const successor = payloadOf(on.clock, 'RefreshToken', { grantId: on.name });
      await node.adapter('RefreshToken').upsert(idOf('RefreshToken', 's'), successor);
      await node
        .adapter('AccessToken')
        .upsert(`at_${on.name}${index}`, payloadOf(on.clock, 'AccessToken', { grantId: on.name }));
    };
    const rotate = (node = on.protocol, index = 0) => node.serve(() => rotation(node, index));

    beforeEach(async () => {
      await grant();
      await saved('RefreshToken', { grantId: on.name });
    });

    it('let 64 units from two nodes in, with one successor', async () => {
      const outcomes = await race(rotation);
      expect(outcomes).toEqual(Array(racers).fill(undefined));
      expect(await aliveTokens()).toHaveLength(racers);
      const tokens = await on.protocol.rows(
        "SELECT id FROM artifacts WHERE grant_id = ?1 AND kind = 'RefreshToken'",
        on.name,
      );
      expect(tokens).toHaveLength(2);
    });

    it('repeat a use within the window, which stays where it was, and not after it', async () => {
      expect(await rotate()).toBeUndefined();
      const first = on.clock.now();
      on.clock.advance(9_999);
      expect(await rotate(on.elsewhere, 1)).toBeUndefined();
      expect((await rowOf('RefreshToken'))?.consumed_at).toBe(first);
      on.clock.advance(1);
      expect(await on.protocol.serve(() => on.protocol.adapter('RefreshToken').consume(idOf('RefreshToken')))).toBe(
        losses.grant,
      );
      expect(await find('RefreshToken')).toHaveProperty('consumed');
    });

    it('leave a successor that was used meanwhile used', async () => {
      await rotate();
      await on.protocol.serve(() => on.protocol.adapter('RefreshToken').consume(idOf('RefreshToken', 's')));
      const used = (await rowOf('RefreshToken', idOf('RefreshToken', 's')))?.consumed_at;
      on.clock.advance(1_000);
      expect(await rotate()).toBeUndefined();
      expect((await rowOf('RefreshToken', idOf('RefreshToken', 's')))?.consumed_at).toBe(used);
    });

    it('lose when the successor has been ended meanwhile', async () => {
      await rotate();
      await on.protocol.serve(() => on.protocol.adapter('RefreshToken').destroy(idOf('RefreshToken', 's')));
      expect(await rotate(on.protocol, 1)).toBe(losses.grant);
      expect(await aliveTokens()).toHaveLength(1);
    });

    it('keep the token unused when the answer becomes a refusal', async () => {
      await on.protocol.serve(() => on.protocol.adapter('RefreshToken').consume(idOf('RefreshToken')), 400);
      expect((await rowOf('RefreshToken'))?.consumed_at).toBeNull();
    });
  });
});
