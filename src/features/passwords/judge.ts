import type { Settings } from '../settings/module.ts';
import { isCommon } from './common-passwords.ts';
import { wordsOf } from './own-words.ts';
import { inWords, type PasswordProblem, type PasswordProblemKind, type Person, plainProblem } from './policy.ts';
import { strengthOf } from './strength.ts';

interface Parts {
  readonly config: { readonly issuer: string };
  readonly settings: { current(): Settings };
}

/** Finds what is wrong with a password that somebody chooses. */
export type Judge = (password: string, person: Person, planned?: Settings) => Promise<PasswordProblem | undefined>;

/** Asks the cheap questions first: what is refused for its length need not be looked up. */
export function createJudge({ config, settings }: Parts): Judge {
  const host = new URL(config.issuer).hostname;

  async function kindOf(password: string, person: Person, held: Settings): Promise<PasswordProblemKind | undefined> {
    const plain = plainProblem({ password, person, host }, held);
    if (plain !== undefined) return plain;
    if (await isCommon(password)) return 'common';
    const { minScore } = held.password;
    const isWeak = minScore > 0 && (await strengthOf(password, wordsOf(person, host))) < minScore;
    return isWeak ? 'weak' : undefined;
  }

  return async (password, person, planned) => {
    const held = planned ?? settings.current();
    const kind = await kindOf(password, person, held);
    return kind === undefined ? undefined : inWords(kind, held);
  };
}
