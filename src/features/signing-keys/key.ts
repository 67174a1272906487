import type { JWK } from 'jose';

export const signingAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const;
/** What may be encrypted to us; `ECDH-ES` stands for its forms with a wrapped key as well. */
const encryptionAlgorithms = ['ECDH-ES', 'RSA-OAEP-256'] as const;
/** What keys are made for, in the order in which they are published. */
export const algorithms = [...signingAlgorithms, ...encryptionAlgorithms] as const;
export type Algorithm = (typeof algorithms)[number];

/** Whether keys of this algorithm are there for others to encrypt to, instead of for us to sign with. */
export const isForEncryption = (alg: Algorithm): boolean => encryptionAlgorithms.some((one) => one === alg);

/** There from the first start. A key of another algorithm is made when a client or an API first asks for it. */
export const everyones: readonly Algorithm[] = ['ES256', 'RS256'];

/**
 * `next` is published but does not sign yet, `current` signs, `retired` is published until what it signed has expired.
 * All of those that others encrypt to are read with; a retired one is published no more.
 */
export type KeyState = 'next' | 'current' | 'retired';

/** A signing key without its private half. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly state: KeyState;
  readonly publicJwk: JWK;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly activatedAt?: number;
  readonly retiredAt?: number;
}

/** A key that signs now. */
export interface ActiveKey {
  readonly kid: string;
  readonly alg: Algorithm;
  /** With `kid`, `alg` and `use`. */
  readonly privateJwk: JWK;
}

/** A key that others encrypt to. */
export interface DecryptionKey {
  /** With `kid` and `use`. */
  readonly privateJwk: JWK;
  /** Whether nothing new is to be encrypted to it. */
  readonly retired: boolean;
}

/** What the engine needs: one active key per algorithm, ES256 first, and what is published beside them. */
export interface KeySet {
  readonly active: readonly ActiveKey[];
  /** Public keys of `next` and `retired` ones. */
  readonly published: readonly JWK[];
  /** Keys that others encrypt to, the current ones first. */
  readonly decrypting: readonly DecryptionKey[];
}

/** What a rotation by command did: promoted now, or when the next keys will take over. */
export interface RotationReport {
  readonly rotated: readonly { readonly alg: Algorithm; readonly from: string; readonly to: string }[];
  readonly waiting: readonly {
    readonly alg: Algorithm;
    readonly kid: string /** Milliseconds since the epoch. */;
    readonly at: number;
  }[];
}

/** What the removal of a compromised key did. */
export interface CompromiseReport {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly state: KeyState;
  /** The key that signs instead; absent when the removed one did not sign. */
  readonly replacement?: string;
  /** What stops working, a sentence each. */
  readonly stops: readonly string[];
}
