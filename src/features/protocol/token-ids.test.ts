import { Provider } from 'oidc-provider';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { nameTokens, prefixes } from './token-ids.ts';

const key = Buffer.alloc(32, 1);
const clock = { now: () => 0 };

/** A provider whose models name their tokens one after the other. */
function modelsOf(kinds: readonly string[]) {
  let count = 0;
  const models = kinds.map((kind) => {
    class Model {
      generateTokenId(): string {
        count += 1;
        return `id${count}`;
      }
    }
    return [kind, Model] as const;
  });
  return Object.fromEntries(models) as unknown as Provider & Record<string, new () => { generateTokenId(): string }>;
}
const named = (provider: ReturnType<typeof modelsOf>, kind: string): string | undefined => {
  const Model = provider[kind];
  return Model && new Model().generateTokenId();
};
const rotating = (jti: string) =>
  vi.spyOn(Provider, 'ctx', 'get').mockReturnValue({ oidc: { entities: { RotatedRefreshToken: { jti } } } } as never);

afterEach(() => vi.restoreAllMocks());

describe('token ids', () => {
  it('begin with what tells their kind', () => {
    const provider = modelsOf(Object.keys(prefixes));
    nameTokens(provider, key, clock);
    expect(Object.keys(prefixes).map((kind) => named(provider, kind))).toEqual([
      'at_000000000id1',
      'cc_000000000id2',
      'rt_id3',
    ]);
  });

  it('of a successor follow from the predecessor and the key alone', () => {
    const [here, there, elsewhere] = [
      modelsOf(Object.keys(prefixes)),
      modelsOf(Object.keys(prefixes)),
      modelsOf(Object.keys(prefixes)),
    ];
    nameTokens(here, key, clock);
    nameTokens(there, key, clock);
    nameTokens(elsewhere, Buffer.alloc(32, 2), clock);
    rotating('rt_a');
    const successor = named(here, 'RefreshToken');
    expect(successor).toMatch(/^rt_[\w-]{43}$/);
    expect(named(there, 'RefreshToken')).toBe(successor);
    expect(named(elsewhere, 'RefreshToken')).not.toBe(successor);
    rotating('rt_b');
    expect(named(here, 'RefreshToken')).not.toBe(successor);
  });

  it('of access tokens stay random while a refresh token is rotated', () => {
    const provider = modelsOf(Object.keys(prefixes));
    nameTokens(provider, key, clock);
    rotating('rt_a');
    expect(named(provider, 'AccessToken')).toBe('at_000000000id1');
  });

  it('are not silently left as they are when the library has other models', () => {
    expect(() => nameTokens(modelsOf(['AccessToken']), key, clock)).toThrow(
      'oidc-provider has no model ClientCredentials',
    );
  });
});
