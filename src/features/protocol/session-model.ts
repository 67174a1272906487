import type Provider from 'oidc-provider';
import { hmacSha256 } from '../../foundation/crypto/hash.ts';

interface SessionModel {
  readonly prototype: {
    readonly uid: string;
    readonly exp?: number;
    sidFor(clientId: string, value?: string): string | undefined;
    ensureClientContainer(clientId: string): void;
    persist(): Promise<unknown>;
    transient?: boolean | undefined;
    loginAccount(details: { transient?: boolean }): void;
  };
}

/** Whether the session was made in this request, for a browser that brought none: there is no row of it. */
export const isNew = (session: object): boolean => (session as { new?: boolean }).new === true;

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
  const { persist, loginAccount } = prototype;
  // The library only ever sets it: who asks to stay signed in the next time would still be signed out with the browser.
  prototype.loginAccount = function loginAccountAnew(this: SessionModel['prototype'], details) {
    if (details.transient === false) this.transient = undefined;
    loginAccount.call(this, details);
  };
  prototype.persist = async function persistGiven(this: SessionModel['prototype']) {
    return this.exp === undefined ? undefined : persist.call(this);
  };
}
