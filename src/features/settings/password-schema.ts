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
    composition,
    hash,
  })
  .prefault({});
