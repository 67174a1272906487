import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { Payload } from '../../../src/features/protocol/payload.ts';
import { type EngineUnderTest, ids } from './engines.ts';
import {
  type Kind,
  type ProtocolUnderTest,
  payloadOf,
  standardRules,
  startTwoNodes,
  type TwoNodes,
} from './protocol.ts';

/** The two nodes of a suite, and a name that is new in each of its tests. */
export type OnTwoNodes = Omit<TwoNodes, 'stop'> & { readonly name: string };

/** Starts two nodes for all tests of a suite and stops them after the last one. What it returns is there within tests. */
export function useTwoNodes(engine: EngineUnderTest): OnTwoNodes {
  const on = {} as TwoNodes & { name: string };
  beforeAll(async () => {
    Object.assign(on, await startTwoNodes(engine));
  });
  afterAll(() => on.stop?.());
  beforeEach(() => {
    on.name = ids.next();
    Object.assign(on.rules, standardRules());
  });
  return on;
}

/** What the ids of tokens begin with. */
export const tokenOf: Partial<Record<Kind, string>> = {
  AccessToken: 'at_',
  ClientCredentials: 'cc_',
  RefreshToken: 'rt_',
};

/** Records that are known by the test's name, one of each kind. */
export function recordsOf(on: OnTwoNodes) {
  const idOf = (kind: Kind, suffix = ''): string => `${tokenOf[kind] ?? ''}${on.name}${suffix}`;
  const save = (kind: Kind, more: Payload = {}, id = idOf(kind)) =>
    on.protocol.adapter(kind).upsert(id, payloadOf(on.clock, kind, more));
  const saved = (kind: Kind, more: Payload = {}, id = idOf(kind)) => on.protocol.serve(() => save(kind, more, id));
  const find = (kind: Kind, id = idOf(kind)) => on.protocol.adapter(kind).find(id);
  const grant = () => saved('Grant', { accountId: 'alice' }, on.name);
  const rowOf = async (kind: Kind, id = idOf(kind)) => on.protocol.store.artifact(on.protocol.codec.keyOf(kind, id));
  return { idOf, save, saved, find, grant, rowOf };
}

/** Records by their ids, and grants with the refresh token under them. */
export function familiesOf(on: OnTwoNodes) {
  const save = (kind: Kind, id: string, more: Payload = {}, node = on.protocol) =>
    node.adapter(kind).upsert(id, payloadOf(on.clock, kind, { jti: id, ...more }));
  const find = (kind: Kind, id: string) => on.protocol.adapter(kind).find(id);
  const family = (grantId: string, more: Payload = { accountId: 'alice' }) =>
    on.protocol.serve(async () => {
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
  return { save, find, family, rotation };
}
