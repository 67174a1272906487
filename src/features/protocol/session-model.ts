import type Provider from 'oidc-provider';
import { hmacSha256 } from '../../foundation/crypto/hash.ts';

interface SessionModel {
  readonly prototype: {
    readonly uid: string;
    readonly exp?: number;
    sidFor(clientId: string, value?: string): string | undefined;
    ensureClientContainer(clientId: string): void;
    persist(): Promise<unknown>;
  };
}

/**
 * Fits the library's session model to ours. A client's `sid` follows from the session, so that two tabs tell the app
 * the same one. And a session that no browser was given is not kept: the library fails over one whose form was posted
 * without any cookie (initialize_app.js, ensureSessionSave).
 *
 * @param key 32 bytes, the same on every node
 */
export function adaptSessionModel(provider: Provider, key: Buffer): void {
  const { prototype } = provider.Session as unknown as SessionModel;
  prototype.ensureClientContainer = function ensureClientContainer(this: SessionModel['prototype'], clientId) {
    if (!this.sidFor(clientId)) this.sidFor(clientId, hmacSha256(key, JSON.stringify([this.uid, clientId])));
  };
  const { persist } = prototype;
  prototype.persist = async function persistGiven(this: SessionModel['prototype']) {
    return this.exp === undefined ? undefined : persist.call(this);
  };
}
