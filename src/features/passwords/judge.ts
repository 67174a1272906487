import type { Settings } from '../settings/module.ts';
import { type BreachedParts, type BreachedSource, createBreached } from './breached.ts';
import { isCommon } from './common-passwords.ts';
import { wordsOf } from './own-words.ts';
import { inWords, type PasswordProblem, type Person, plainProblem } from './policy.ts';
import { strengthOf } from './strength.ts';

export interface JudgeParts extends BreachedParts {
  readonly config: BreachedParts['config'] & { readonly issuer: string };
  readonly settings: { current(): Settings };
}

/** What is thought of a password that somebody chooses. */
export interface Judgement {
  /** Why it may not become theirs; undefined when it may. */
  readonly problem: PasswordProblem | undefined;
  /** Lists of breached passwords that could not be asked. */
  readonly unasked: readonly BreachedSource[];
}

/** Judges by today's settings, or by those that are planned. */
export type Judge = (password: string, person: Person, planned?: Settings) => Promise<Judgement>;

/** Asks the cheap questions first: what is refused for its length need not be looked up. */
export function createJudge(parts: JudgeParts): Judge {
  const host = new URL(parts.config.issuer).hostname;
  const lookUp = createBreached(parts);

  return async (password, person, planned) => {
    const held = planned ?? parts.settings.current();
    const plain = plainProblem({ password, person, host }, held) ?? ((await isCommon(password)) ? 'common' : undefined);
    if (plain !== undefined) return { problem: inWords(plain, held), unasked: [] };
    const { found, unasked } = await lookUp(password, held);
    if (found) return { problem: inWords('breached', held), unasked };
    const { minScore } = held.password;
    const isWeak = minScore > 0 && (await strengthOf(password, wordsOf(person, host))) < minScore;
    return { problem: isWeak ? inWords('weak', held) : undefined, unasked };
  };
}
