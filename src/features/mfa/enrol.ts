import type { Clock } from '../../foundation/clock.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { Random } from '../../foundation/random.ts';
import type { Throttle } from '../throttle/module.ts';
import { newRecoveryCodes, recoveryHash } from './recovery-codes.ts';
import type { MfaStore } from './store.ts';
import { newSecret, stepOf, totpUri } from './totp.ts';

/** An authenticator app that is being set up: shown to the person, stored nowhere yet. */
export interface Enrolment {
  /** In base32, to be typed where no camera is. */
  readonly secret: string;
  /** What the QR code holds. */
  readonly uri: string;
  /** Travels with the form: the secret, encrypted for this person and this place. */
  readonly sealed: string;
}

/** What became of the first code of a new app. */
export type EnrolmentOutcome =
  /** The operations must commit together; the first misses when another tab was first. The codes are told this once; none where the person has theirs. */
  | { readonly kind: 'enrolled'; readonly operations: readonly Operation[]; readonly recoveryCodes: readonly string[] }
  | { readonly kind: 'missing' | 'wrong' }
  /** The form is too old, or was made for somebody else or another sign-in. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number };

/** For whom and where: a form made for one sign-in is worth nothing in another, or its secret would be known there. */
export interface EnrolmentPlace {
  readonly userId: string;
  /** The sign-in or session that it is done in. */
  readonly scope: string;
}

/** The first code of a new app, as it was sent. */
export interface EnrolmentForm {
  readonly sealed: string;
  readonly code: string;
  readonly address: string | undefined;
  /** The browser, if the account was signed in to with it before. */
  readonly device?: string | undefined;
  /** Whether the person has a factor already, and with it recovery codes that go on working. */
  readonly hasCodes?: boolean;
}

interface Parts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly keyRing: KeyRing;
  readonly throttle: Throttle;
  readonly store: MfaStore;
  readonly newCodes: ReturnType<typeof createNewCodes>;
}

/** How long the page may stay open, in milliseconds. */
const enrolmentMs = 60 * 60 * 1000;

export function createEnrol({ issuer, clock, ids, random, keyRing, throttle, store, newCodes }: Parts) {
  const place = ({ userId, scope }: EnrolmentPlace) => ({
    table: 'totp_factors',
    column: 'enrolment',
    row: JSON.stringify([userId, scope]),
  });

  function shown(secret: string, sealed: string, account: string): Enrolment {
    return { secret, sealed, uri: totpUri(secret, { issuer: new URL(issuer).host, account }) };
  }

  /** The secret of the form, while it is good. */
  function open(at: EnrolmentPlace, sealed: string): string | undefined {
    try {
      const { secret, made } = JSON.parse(keyRing.open(sealed, place(at)).toString()) as {
        secret: string;
        made: number;
      };
      return clock.now() - made < enrolmentMs ? secret : undefined;
    } catch {
      return undefined;
    }
  }

  return {
    /** Begins with a new secret. */
    begin(at: EnrolmentPlace, account: string): Enrolment {
      const secret = newSecret(random);
      return shown(secret, keyRing.seal(JSON.stringify({ secret, made: clock.now() }), place(at)), account);
    },
    /** The enrolment of a form that was sent; undefined when it is not good any more. */
    again(at: EnrolmentPlace, sealed: string, account: string): Enrolment | undefined {
      const secret = open(at, sealed);
      return secret === undefined ? undefined : shown(secret, sealed, account);
    },
    /** Takes the first code that the app shows, which is used up with it. A try counts, as one of any code does. */
    confirm(at: EnrolmentPlace, form: EnrolmentForm): EnrolmentOutcome {
      const { sealed, code: typed, address, device, hasCodes = false } = form;
      const secret = open(at, sealed);
      if (secret === undefined) return { kind: 'expired' };
      const code = typed.replaceAll(/\s/g, '');
      if (code === '') return { kind: 'missing' };
      const entry = throttle.enter({ account: at.userId, address, device });
      if (!entry.allowed) return { kind: 'throttled', retryAfterSeconds: entry.retryAfterSeconds };
      const step = stepOf(secret, code, clock.now());
      entry.settle(step === undefined ? 'failed' : 'abandoned');
      if (step === undefined) return { kind: 'wrong' };
      const { codes, operations } = hasCodes ? { codes: [], operations: [] } : newCodes(at.userId);
      const add = store.add(at.userId, { id: ids.next(), secret, step });
      return { kind: 'enrolled', operations: [add, ...operations], recoveryCodes: codes };
    },
  };
}

/** Makes a new set of recovery codes, in place of the former one. */
export function createNewCodes({ ids, random, store }: Pick<Parts, 'ids' | 'random' | 'store'>) {
  return (userId: string): { codes: string[]; operations: Operation[] } => {
    const codes = newRecoveryCodes(random);
    const stored = codes.map((code) => ({ id: ids.next(), hash: recoveryHash(userId, code) }));
    return { codes, operations: store.replaceCodes(userId, ids.next(), stored) };
  };
}
