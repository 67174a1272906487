import type Provider from 'oidc-provider';
import { describe, expect, it } from 'vitest';
import { adaptSessionModel } from './session-model.ts';

/** The library's model, adapted. */
function adapted(key = Buffer.alloc(32, 1)) {
  class Session {
    readonly uid: string;
    exp: number | undefined;
    persisted = 0;
    readonly sids = new Map<string, string>();
    constructor(uid: string) {
      this.uid = uid;
    }
    sidFor(clientId: string, value?: string): string | undefined {
      if (value !== undefined) this.sids.set(clientId, value);
      return this.sids.get(clientId);
    }
    ensureClientContainer(_clientId: string): void {}
    async persist(): Promise<unknown> {
      this.persisted += 1;
      return 'kept';
    }
  }
  adaptSessionModel({ Session } as unknown as Provider, key);
  return Session;
}
function sidOf(Session: ReturnType<typeof adapted>, uid: string, clientId: string): string | undefined {
  const session = new Session(uid);
  session.ensureClientContainer(clientId);
  return session.sids.get(clientId);
}

describe('a session of the library', () => {
  it('tells a client the same name in every tab, and each client another one', () => {
    const sid = sidOf(adapted(), 'u1', 'shop');
    expect(sid).toMatch(/^[\w-]{43}$/);
    expect(sidOf(adapted(), 'u1', 'shop')).toBe(sid);
    const others = [
      sidOf(adapted(), 'u1', 'books'),
      sidOf(adapted(), 'u2', 'shop'),
      sidOf(adapted(Buffer.alloc(32, 2)), 'u1', 'shop'),
    ];
    expect(new Set([sid, ...others]).size).toBe(4);
  });

  it('keeps the name that it has told', () => {
    const session = new (adapted())('u1');
    session.sids.set('shop', 'told');
    session.ensureClientContainer('shop');
    expect(session.sids.get('shop')).toBe('told');
  });

  it('is kept only when a browser was given it', async () => {
    const session = new (adapted())('u1');
    expect([await session.persist(), session.persisted]).toEqual([undefined, 0]);
    session.exp = 1;
    expect([await session.persist(), session.persisted]).toEqual(['kept', 1]);
  });
});
