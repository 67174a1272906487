/** A passkey or security key as its person sees it. Times are milliseconds since the epoch. */
export interface Passkey {
  readonly id: string;
  /** What the person called it; empty where they gave no name. */
  readonly name: string;
  readonly createdAt: number;
  readonly lastUsedAt?: number | undefined;
}

/**
 * Whether the key may leave the device that made it: `none` never does, `possible` may be copied by the person's
 * passkey provider, `done` was.
 */
export type Backup = 'none' | 'possible' | 'done';

/** What a key is checked by. */
export interface StoredPasskey extends Passkey {
  readonly userId: string;
  /** In base64url, as browsers name it. */
  readonly credentialId: string;
  /** COSE key in base64url. */
  readonly publicKey: string;
  /** The newest count of signatures that it told; 0 for keys that do not count. */
  readonly counter: number;
  readonly transports: readonly string[];
  readonly backup: Backup;
  /** When it last told that its person had proved to be there, by PIN or body. */
  readonly lastVerifiedAt?: number | undefined;
}

/** How many a person may have: more are of use to nobody, and each takes a row. */
export const mostPasskeys = 25;

const longestName = 64;

/** A name as it is kept: one line, not too long. */
export const passkeyName = (typed: string): string =>
  Array.from(typed.toWellFormed().normalize('NFC').replaceAll(/\p{C}/gu, ' ').trim()).slice(0, longestName).join('');

/**
 * What a key proves, in the words of RFC 8176 §2: that it was there (`pop`), kept by hardware or, where copies of it
 * exist, by software, and that somebody touched it (`user`, which WebAuthn always asks for).
 */
export const passkeyMethods = (backup: Backup): readonly string[] => ['pop', backup === 'none' ? 'hwk' : 'swk', 'user'];

/** Whether copies of a key may exist, from its flags (WebAuthn §6.1.3). */
export function backupOf(device: 'singleDevice' | 'multiDevice', isBackedUp: boolean): Backup {
  if (device === 'singleDevice') return 'none';
  return isBackedUp ? 'done' : 'possible';
}
