import type { Clock } from '../../foundation/clock.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import type { PasskeyStore } from './store.ts';

/** What a challenge is for: made for one sign-in or session, it is worth nothing in another, nor for another purpose. */
export interface ChallengePlace {
  readonly purpose: 'create' | 'get';
  /** The sign-in or session that it is answered in. */
  readonly scope: string;
  /** Whose key is to be made. */
  readonly userId?: string | undefined;
}

/** A challenge on its way: the form carries it sealed, so that pages that nobody answers leave nothing behind here. */
export interface Challenge {
  readonly challenge: string;
  readonly sealed: string;
}

/** A challenge that came back in time. */
export interface OpenedChallenge {
  readonly challenge: string;
  /** Must commit with what the answer is taken for: of any number of racers with one answer it hits for one. */
  readonly spend: Operation;
}

/** How long a challenge may wait for its answer, in milliseconds; the page may be read before. */
const challengeMs = 5 * 60 * 1000;

export function createChallenges(parts: { clock: Clock; random: Random; keyRing: KeyRing; store: PasskeyStore }) {
  const { clock, random, keyRing, store } = parts;
  const cell = ({ purpose, scope, userId }: ChallengePlace) => ({
    table: 'passkey_challenges',
    column: 'form',
    row: JSON.stringify([purpose, scope, userId ?? null]),
  });
  return {
    make(place: ChallengePlace): Challenge {
      const challenge = secretToken(random);
      const expiresAt = clock.now() + challengeMs;
      return { challenge, sealed: keyRing.seal(JSON.stringify({ challenge, expiresAt }), cell(place)) };
    },
    /** The challenge of a form that was made for this place, while it is good. */
    open(place: ChallengePlace, sealed: string): OpenedChallenge | undefined {
      try {
        const opened = keyRing.open(sealed, cell(place)).toString();
        const { challenge, expiresAt } = JSON.parse(opened) as { challenge: string; expiresAt: number };
        return clock.now() < expiresAt ? { challenge, spend: store.spend(challenge, expiresAt) } : undefined;
      } catch {
        return undefined;
      }
    },
  };
}
