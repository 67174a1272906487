import type { Operation } from '../../foundation/db/statement.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { createChallenges } from './challenge.ts';
import type { createCheckResponse } from './check-response.ts';
import { mostPasskeys, passkeyMethods, passkeyName } from './passkey.ts';
import { creationRequest, type PasskeyOwner, type PasskeyRequest, type RelyingParty } from './request.ts';
import { readCreation } from './response.ts';
import type { PasskeyStore } from './store.ts';

/** Where a key is made: for whom, and in which sign-in or session. */
export interface PasskeyPlace {
  readonly owner: PasskeyOwner;
  readonly scope: string;
}

/** A form that brings a new key. */
export interface NewPasskeyForm {
  readonly challenge: string;
  readonly credential: string;
  readonly name: string;
}

/** What became of a new key. */
export type PasskeyEnrolment =
  /** The operations must commit together: of any number of racers with one answer they hit for one. */
  | {
      readonly kind: 'enrolled';
      readonly id: string;
      readonly operations: readonly Operation[];
      readonly methods: readonly string[];
    }
  /** `expired`: the form is too old, or was made for somebody else or another sign-in. `taken`: an account has this key. */
  | { readonly kind: 'missing' | 'expired' | 'wrong' | 'taken' };

interface Parts {
  readonly relyingParty: RelyingParty;
  readonly ids: Ids;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly challenges: ReturnType<typeof createChallenges>;
  readonly check: ReturnType<typeof createCheckResponse>;
  readonly store: PasskeyStore;
}

export function createEnrolPasskey({ relyingParty, ids, settings, challenges, check, store }: Parts) {
  const rule = () => settings.current().mfa.passkeys.userVerification;
  const at = ({ owner, scope }: PasskeyPlace) => ({ purpose: 'create', scope, userId: owner.id }) as const;

  return {
    /** Begins with a new challenge; undefined where the person has as many keys as anybody may. */
    async begin(place: PasskeyPlace): Promise<PasskeyRequest | undefined> {
      const existing = await store.list(place.owner.id);
      if (existing.length >= mostPasskeys) return undefined;
      const about = { host: relyingParty.host, owner: place.owner, userVerification: rule(), existing };
      return creationRequest(challenges.make(at(place)), about);
    },
    /** Takes a new key. */
    async confirm(place: PasskeyPlace, form: NewPasskeyForm): Promise<PasskeyEnrolment> {
      if (form.credential === '') return { kind: 'missing' };
      const opened = challenges.open(at(place), form.challenge);
      if (!opened) return { kind: 'expired' };
      const response = readCreation(form.credential);
      const key = response && (await check.created(response, opened.challenge));
      if (!key) return { kind: 'wrong' };
      if (await store.findByCredential(key.credentialId)) return { kind: 'taken' };
      const id = ids.next();
      const { transports } = response.response;
      const add = store.add({ ...key, id, userId: place.owner.id, name: passkeyName(form.name), transports });
      return { kind: 'enrolled', id, operations: [opened.spend, add], methods: passkeyMethods(key.backup) };
    },
  };
}
