import { Secret, TOTP } from 'otpauth';
import type { Random } from '../../foundation/random.ts';

/** Length of a step in seconds, and of a code in digits (RFC 6238 §4.1; what every authenticator app knows). */
const period = 30;
const digits = 6;
/** Steps before and behind the present one that are taken: a phone's clock goes wrong, and typing takes its time. */
const window = 1;
/** Bytes of a secret: the length of the hash (RFC 4226 §4, R6). */
const secretLength = 20;

/** Who a code is for, as the person's app lists it. */
export interface TotpLabel {
  /** Who asks for the code: the host of this server. */
  readonly issuer: string;
  readonly account: string;
}

/** A new secret in base32. */
export function newSecret(random: Random): string {
  const bytes = new Uint8Array(random.bytes(secretLength));
  return new Secret({ buffer: bytes.buffer }).base32;
}

/** The address that an app reads from the QR code. */
export const totpUri = (secret: string, { issuer, account }: TotpLabel): string =>
  new TOTP({ issuer, label: account, secret, digits, period }).toString();

/**
 * The step that the code belongs to, of the present one and its neighbours; undefined when it is none of theirs.
 *
 * @param now milliseconds since the epoch
 */
export function stepOf(secret: string, code: string, now: number): number | undefined {
  const delta = new TOTP({ secret, digits, period }).validate({ token: code, timestamp: now, window });
  return delta === null ? undefined : Math.floor(now / 1000 / period) + delta;
}

/** Whether this could be a code of an app, rather than a recovery code. */
export const looksLikeTotp = (code: string): boolean => /^\d{6}$/.test(code);
