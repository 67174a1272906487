import { AppError } from '../../foundation/errors.ts';

export type SigningKeyErrorCode = 'signing_key_unknown' | 'signing_key_unreadable';

export const signingKeyUnknown = (kid: string): AppError<SigningKeyErrorCode> =>
  new AppError(
    'signing_key_unknown',
    404,
    `There is no signing key ${kid}. "postern keys list" shows those there are.`,
  );

/** The key ring cannot open the private half: the encryption key was lost or replaced. */
export const signingKeyUnreadable = (kid: string, cause: unknown): AppError<SigningKeyErrorCode> =>
  new AppError('signing_key_unreadable', 500, 'A signing key cannot be read.', {
    cause: new Error(`signing key ${kid} cannot be decrypted: give the former encryptionKey as well`, { cause }),
  });
