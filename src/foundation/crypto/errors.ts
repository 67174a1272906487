import { AppError } from '../errors.ts';

export type CryptoErrorCode = 'decrypt_failed' | 'busy' | 'password_too_long' | 'password_hash_unreadable';

/** The stored value was not sealed by a key of this ring, or not for this place. Operators read which place. */
export const decryptFailed = (place: string, cause?: unknown): AppError<CryptoErrorCode> =>
  new AppError('decrypt_failed', 500, 'Stored data could not be read.', {
    cause: new Error(`${place} cannot be decrypted with any of the encryption keys`, { cause }),
  });

/** Too many passwords wait to be checked: the caller may try again. */
export const busy = (): AppError<CryptoErrorCode> =>
  new AppError('busy', 503, 'Too many people are signing in right now. Try again in a moment.', { retryAfter: 1 });

export const passwordTooLong = (): AppError<CryptoErrorCode> =>
  new AppError('password_too_long', 400, 'This password is too long: 1,024 characters are the limit.', {
    fields: { password: 'Use at most 1,024 characters.' },
  });

export const passwordHashUnreadable = (): AppError<CryptoErrorCode> =>
  new AppError('password_hash_unreadable', 500, 'Stored data could not be read.', {
    cause: new Error('a password hash is not an Argon2id hash in PHC form'),
  });
