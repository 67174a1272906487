import { z } from 'zod';
import { onOff, whole } from './rules.ts';

const hash = z
  .strictObject({
    memory: whole({ min: 7168, max: 1_048_576, standard: 19_456, means: 'Argon2id memory, in KiB.' }),
    time: whole({ min: 1, max: 20, standard: 2, means: 'Argon2id passes.' }),
    parallelism: whole({ min: 1, max: 16, standard: 1, means: 'Argon2id lanes.' }),
  })
  .prefault({});

const against = 'NIST SP 800-63B-4 §3.1.1.2 says that no such rule shall be imposed.';
const composition = z
  .strictObject({
    upper: onOff(`Whether a new password needs an upper-case letter. ${against}`),
    lower: onOff(`Whether a new password needs a lower-case letter. ${against}`),
    digit: onOff(`Whether a new password needs a digit. ${against}`),
    special: onOff(`Whether a new password needs a character that is neither letter nor digit. ${against}`),
  })
  .prefault({});

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Over plain http, whoever listens would learn a part of what the password hashes to. */
const isSafeUrl = (text: string): boolean => {
  const url = URL.parse(text);
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback.test(url.hostname));
};

const breached = z
  .strictObject({
    file: z
      .string()
      .max(1024)
      .default('')
      .describe(
        'A file of breached passwords, made by `postern passwords build-breached`; relative paths start at the data folder of each process. Empty: none.',
      ),
    service: z
      .string()
      .max(1024)
      .refine((text) => text === '' || isSafeUrl(text), 'must be an https URL, or http on a loopback name')
      .default('')
      .describe(
        'A service that is asked for breached passwords by the first five digits of their SHA-1, such as `https://api.pwnedpasswords.com/range`. Empty: none.',
      ),
  })
  .prefault({});

/** What is asked of new passwords, and what their hashes cost. */
export const passwordSettings = z
  .strictObject({
    minLength: whole({
      min: 8,
      max: 128,
      standard: 15,
      means: 'The shortest new password, in characters, where it may be the only factor.',
    }),
    minLengthWithSecondFactor: whole({
      min: 8,
      max: 128,
      standard: 8,
      means: 'The shortest new password while `mfa.policy` is `required`.',
    }),
    minScore: whole({
      min: 0,
      max: 4,
      standard: 0,
      means:
        'How hard to guess a new password must be by the strength meter (zxcvbn): 0 asks for nothing, 1 withstands a thousand guesses, 2 a million, 3 a hundred million, 4 ten thousand million.',
    }),
    history: whole({
      min: 0,
      max: 24,
      standard: 0,
      means: 'So many passwords that a person had last, the present one among them, cannot be chosen again.',
    }),
    maxAge: whole({
      min: 0,
      max: 3650 * 86_400,
      standard: 0,
      means: `After how many seconds a password has to be replaced at the next sign-in; 0: never. ${against}`,
    }),
    composition,
    breached,
    hash,
  })
  .prefault({});
