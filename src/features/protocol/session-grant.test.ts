import type Provider from 'oidc-provider';
import { describe, expect, it } from 'vitest';
import { createGrantOfSession } from './session-grant.ts';
import type { GrantRow } from './store.ts';

const owner = { sessionUid: 'u1', accountId: 'alice', clientId: 'shop' };

/** Grants by name, some of which have ended or expired. */
function grants() {
  const rows = new Map<string, GrantRow & { expired?: number }>();
  class Grant {
    readonly jti: string;
    constructor({ jti }: { jti: string }) {
      this.jti = jti;
    }
    static async find(jti: string): Promise<Grant | undefined> {
      return rows.get(jti)?.expired ? undefined : new Grant({ jti });
    }
  }
  const provider = { Grant } as unknown as Provider;
  const nameWith = (key: Buffer) => {
    const grantOf = createGrantOfSession(key, { grant: async (id) => rows.get(id) });
    return async (more: object = {}) => (await grantOf(provider, { ...owner, ...more })).jti as string;
  };
  const store = (jti: string, more: object = {}) => rows.set(jti, { id: jti, payload: '{}', ended_at: null, ...more });
  return { nameWith, store };
}

describe('the grant of a session', () => {
  it('has one name, however many tabs ask for it, which only a node of ours can know', async () => {
    const { nameWith, store } = grants();
    const name = nameWith(Buffer.alloc(32, 1));
    const first = await name();
    expect(await name()).toBe(first);
    store(first);
    expect(await name()).toBe(first);
    expect(await nameWith(Buffer.alloc(32, 2))()).not.toBe(first);
  });

  it('is another one for another session, person or client', async () => {
    const name = grants().nameWith(Buffer.alloc(32, 1));
    const names = await Promise.all([{}, { sessionUid: 'u2' }, { accountId: 'bob' }, { clientId: 'books' }].map(name));
    expect(new Set(names).size).toBe(4);
  });

  it('is not looked for where the session begins', async () => {
    const { nameWith, store } = grants();
    const name = nameWith(Buffer.alloc(32, 1));
    const first = await name();
    store(first, { ended_at: 1 });
    expect([await name({ isNew: true }), await name()]).toEqual([first, expect.not.stringMatching(first)]);
  });

  it('is followed by the next one when it has ended or expired', async () => {
    const { nameWith, store } = grants();
    const name = nameWith(Buffer.alloc(32, 1));
    const first = await name();
    store(first, { ended_at: 1 });
    const second = await name();
    store(second, { expired: 1 });
    const third = await name();
    expect(new Set([first, second, third]).size).toBe(3);
    expect(await name()).toBe(third);
  });
});
