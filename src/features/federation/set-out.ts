import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import { type AskProvider, type Refusal, refusalOf, type Wishes } from './ask-provider.ts';
import { attemptMs } from './attempt.ts';
import { callbackUrl, type Provider } from './provider.ts';
import type { AttemptStore } from './store.ts';

export interface SetOutParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly ask: AskProvider;
  readonly attempts: AttemptStore;
}

/** For whom a way is set out on, and where. */
export interface Traveller {
  readonly provider: Provider;
  readonly uid?: string | undefined;
  readonly userId?: string | undefined;
  readonly signInId?: string | undefined;
  /** Whether the person is to prove anew who they are. */
  readonly anew: boolean;
  readonly wishes: Wishes;
}

/** A way to a provider, or why there is none just now. */
export interface Outset {
  readonly attemptId: string;
  /** Stores the attempt. */
  readonly operation: Operation;
  readonly state: string;
  /** For the browser's cookie: without it nothing that comes back is looked at. */
  readonly secret: string;
  /** Where the person goes. */
  readonly to: { readonly url: URL } | Refusal;
}

/** Prepares a way to a provider: state, nonce and PKCE verifier are of this attempt alone (RFC 9700 §2.1.1, §4.7). */
export function createSetOut({ issuer, clock, random, ask, attempts }: SetOutParts) {
  return async ({ provider, uid, userId, signInId, anew, wishes }: Traveller): Promise<Outset> => {
    const [state, nonce] = [secretToken(random), secretToken(random)];
    const [verifier, secret] = [secretToken(random), secretToken(random)];
    const way = { nonce, verifier, anew };
    const attemptId = sha256(state);
    const whose = { provider: provider.name, uid, userId, signInId };
    const expiresAt = clock.now() + attemptMs;
    const operation = attempts.put({ id: attemptId, browserHash: sha256(secret), ...whose, way, expiresAt });
    const redirectUri = callbackUrl(issuer, provider.name);
    const to = await ask.depart(provider, { redirectUri, state, way, wishes }).then((url) => ({ url }), refusalOf);
    return { attemptId, operation, state, secret, to };
  };
}
