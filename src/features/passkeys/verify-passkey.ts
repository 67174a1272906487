import type { Operation } from '../../foundation/db/statement.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { Throttle } from '../throttle/module.ts';
import type { Users } from '../users/module.ts';
import type { createChallenges, OpenedChallenge } from './challenge.ts';
import type { createCheckResponse } from './check-response.ts';
import { passkeyMethods, type StoredPasskey } from './passkey.ts';
import { type PasskeyRequest, type RelyingParty, signatureRequest } from './request.ts';
import { readSignature, type SignatureResponse } from './response.ts';
import type { PasskeyStore, PasskeyUse } from './store.ts';

/** In which sign-in or session a signature is asked for, and of whom; of anybody where no account is known yet. */
export interface SignaturePlace {
  readonly scope: string;
  readonly userId?: string | undefined;
}

/** A form that brings a signature. */
export interface SignatureForm {
  readonly challenge: string;
  readonly credential: string;
  readonly address: string | undefined;
  /** The browser, if the account was signed in to with it before. */
  readonly deviceOf: (userId: string) => Promise<string | undefined>;
}

/** Why a signature was not taken. For the audit only: people are told the same whatever it was. */
export type PasskeyRefusal =
  | 'unknown_passkey'
  | 'wrong_passkey'
  | 'passkey_counter'
  | 'passkey_not_verified'
  | 'account_disabled';

/** What became of a signature. */
export type SignatureOutcome =
  | {
      readonly kind: 'right';
      readonly userId: string;
      /** Which of the person's keys. */
      readonly id: string;
      /** Whether the key has checked that it is its person: then it is two factors in one. */
      readonly verified: boolean;
      /** What it proves (RFC 8176), without `mfa`. */
      readonly methods: readonly string[];
      /** Must commit with what the signature is taken for: of any number of racers they hit for one. */
      readonly operations: readonly Operation[];
    }
  | { readonly kind: 'missing' | 'expired' }
  | { readonly kind: 'wrong'; readonly reason: PasskeyRefusal; readonly subject: string | undefined }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number };

interface Parts {
  readonly relyingParty: RelyingParty;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly users: Users;
  readonly throttle: Throttle;
  readonly challenges: ReturnType<typeof createChallenges>;
  readonly check: ReturnType<typeof createCheckResponse>;
  readonly store: PasskeyStore;
}

export function createVerifyPasskey(parts: Parts) {
  const { relyingParty, settings, throttle, challenges, store } = parts;
  const judge = createJudge(parts);
  const at = ({ scope, userId }: SignaturePlace) => ({ purpose: 'get', scope, userId }) as const;
  return {
    /** Asks for a signature: by one of the person's keys, or by any where nobody has said who they are. */
    async begin(place: SignaturePlace): Promise<PasskeyRequest> {
      const allowed = place.userId === undefined ? [] : await store.list(place.userId);
      const { userVerification } = settings.current().mfa.passkeys;
      return signatureRequest(challenges.make(at(place)), { host: relyingParty.host, userVerification, allowed });
    },
    /**
     * Checks a signature. Every try counts for its address and its key, known or not; a stranger's tries with a password
     * keep nobody from their passkey, and none of its own can be guessed. Whoever knows a key's name can have it locked,
     * except in browsers of its owner.
     */
    async verify(place: SignaturePlace, form: SignatureForm): Promise<SignatureOutcome> {
      if (form.credential === '') return { kind: 'missing' };
      const opened = challenges.open(at(place), form.challenge);
      if (!opened) return { kind: 'expired' };
      const response = readSignature(form.credential);
      const passkey = response && (await store.findByCredential(response.id));
      const device = passkey && (await form.deviceOf(passkey.userId));
      const entry = throttle.enter({ account: `passkey ${response?.id}`, address: form.address, device });
      if (!entry.allowed) return { kind: 'throttled', retryAfterSeconds: entry.retryAfterSeconds };
      try {
        const outcome = await judge(place, passkey && { passkey, response }, opened);
        entry.settle(outcome.kind === 'right' ? 'succeeded' : 'failed');
        return outcome;
      } catch (error) {
        entry.settle('abandoned');
        throw error;
      }
    },
  };
}

/** Decides about a signature whose challenge is good. */
function createJudge({ check, store, users }: Pick<Parts, 'check' | 'store' | 'users'>) {
  /** Why a signature that is right is taken for nothing; undefined when it is taken. */
  async function refusalOf(passkey: StoredPasskey, { counter, verified }: PasskeyUse) {
    // A key that counts has to count on: whoever comes with less holds a copy (WebAuthn §6.1.1).
    const counts = counter > 0 || passkey.counter > 0;
    if (counts && counter <= passkey.counter) return 'passkey_counter';
    if (check.isRequired() && !verified) return 'passkey_not_verified';
    const user = await users.find(passkey.userId);
    return user && user.disabledAt === undefined ? undefined : 'account_disabled';
  }

  return async (
    place: SignaturePlace,
    found: { readonly passkey: StoredPasskey; readonly response: SignatureResponse } | undefined,
    { challenge, spend }: OpenedChallenge,
  ): Promise<SignatureOutcome> => {
    if (!found) return { kind: 'wrong', reason: 'unknown_passkey', subject: place.userId };
    const { passkey, response } = found;
    const { id, userId, backup } = passkey;
    const use = isFor(place, passkey, response) ? await check.signed(passkey, response, challenge) : undefined;
    const reason = use ? await refusalOf(passkey, use) : 'wrong_passkey';
    if (!use || reason !== undefined) return { kind: 'wrong', reason: reason ?? 'wrong_passkey', subject: userId };
    const { verified } = use;
    const operations = [spend, store.use(id, use)];
    return { kind: 'right', userId, id, verified, methods: passkeyMethods(backup), operations };
  };
}

/** Whether the key is of the person who is asked, and names nobody else as its owner. */
function isFor(place: SignaturePlace, { userId }: StoredPasskey, { response: { userHandle } }: SignatureResponse) {
  const isAsked = place.userId === undefined || place.userId === userId;
  return isAsked && (userHandle === undefined || userHandle === Buffer.from(userId).toString('base64url'));
}
