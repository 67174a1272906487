import type Router from '@koa/router';
import type { Clock } from '../../foundation/clock.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { Random } from '../../foundation/random.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { Throttle } from '../throttle/module.ts';
import type { Users } from '../users/module.ts';
import { createChallenges } from './challenge.ts';
import { createCheckResponse } from './check-response.ts';
import { createEnrolPasskey, type NewPasskeyForm, type PasskeyEnrolment, type PasskeyPlace } from './enrol-passkey.ts';
import { mountPasskeyDocuments } from './pages.ts';
import { type Passkey, passkeyName } from './passkey.ts';
import type { PasskeyRequest, RelyingParty } from './request.ts';
import { createPasskeyStore } from './store.ts';
import {
  createVerifyPasskey,
  type SignatureForm,
  type SignatureOutcome,
  type SignaturePlace,
} from './verify-passkey.ts';

export type { NewPasskeyForm, PasskeyEnrolment, PasskeyPlace } from './enrol-passkey.ts';
export type { Passkey } from './passkey.ts';
export type { PasskeyRequest } from './request.ts';
export type { SignatureForm, SignatureOutcome, SignaturePlace } from './verify-passkey.ts';

/**
 * Passkeys owns people's passkeys and security keys (WebAuthn), the challenges they answer, and the documents by which
 * browsers find out about them. It decides neither what a key is taken for (sign-in and mfa ask for signatures in their
 * steps) nor who may add or remove one (account, mfa), and counts failures by the throttle.
 */
export interface Passkeys {
  has(userId: string): Promise<boolean>;
  /** A person's keys, the oldest first. */
  list(userId: string): Promise<readonly Passkey[]>;
  readonly enrolment: {
    /** What a browser needs to make a key; undefined where the person has as many as anybody may. */
    begin(place: PasskeyPlace): Promise<PasskeyRequest | undefined>;
    confirm(place: PasskeyPlace, form: NewPasskeyForm): Promise<PasskeyEnrolment>;
  };
  readonly signature: {
    /** What a browser needs to have a key sign. */
    begin(place: SignaturePlace): Promise<PasskeyRequest>;
    verify(place: SignaturePlace, form: SignatureForm): Promise<SignatureOutcome>;
  };
  /** Must hit: misses when the person has no such key. */
  rename(userId: string, id: string, name: string): Operation;
  /**
   * The operation that fails a change unless a passkey lets the person in by itself, but for the one of this id.
   * Undefined where none does.
   */
  otherWay(userId: string, id?: string): Promise<Operation | undefined>;
  /** Must hit: misses when the person has no such key. */
  removal(userId: string, id: string): Operation;
  /** Takes all of a person's keys away. */
  removalOfAll(userId: string): Operation;
  /** Takes those away that were added at this time (milliseconds) or later. */
  removalSince(userId: string, since: number): Operation;
  /** Removes a batch of answered challenges that expired before the given time (milliseconds). */
  sweep(before: number): Operation;
}

export interface PasskeysParts {
  readonly config: { readonly issuer: string };
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly keyRing: KeyRing;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly users: Users;
  readonly throttle: Throttle;
}

/** Whose pages may use the keys of this host, ours first. */
const origins = ({ config, settings }: Pick<PasskeysParts, 'config' | 'settings'>): string[] => [
  config.issuer,
  ...settings.current().mfa.passkeys.relatedOrigins,
];

export function createPasskeys(parts: PasskeysParts): Passkeys {
  const { issuer } = parts.config;
  const store = createPasskeyStore(parts);
  const challenges = createChallenges({ ...parts, store });
  const host = new URL(issuer).hostname;
  const relyingParty: RelyingParty = {
    host,
    expected: () => ({ expectedOrigin: origins(parts), expectedRPID: host }),
  };
  const check = createCheckResponse({ ...parts, relyingParty });
  const within = { ...parts, store, challenges, check, relyingParty };
  return {
    has: (userId) => store.has(userId),
    list: (userId) => store.list(userId),
    enrolment: createEnrolPasskey(within),
    signature: createVerifyPasskey(within),
    rename: (userId, id, name) => store.rename(userId, id, passkeyName(name)),
    otherWay: async (userId, id = '') =>
      (await store.isOtherWay(userId, id)) ? store.holdOtherWay(userId, id) : undefined,
    removal: (userId, id) => store.remove(userId, id),
    removalOfAll: (userId) => store.removeAll(userId),
    removalSince: (userId, since) => store.removeSince(userId, since),
    sweep: (before) => store.sweep(before),
  };
}

/** What browsers and password managers read. */
export const createPasskeyPages = (parts: Pick<PasskeysParts, 'config' | 'settings'>) => ({
  mount: (router: Router): void => mountPasskeyDocuments(router, { ...parts, origins: () => origins(parts) }),
});
