import type { Person } from './policy.ts';

/** So many letters and digits besides known words do not make a password of them. */
const little = 4;

/** Words of fewer letters are in too many others. */
const shortestWord = 4;

const folded = (text: string): string => text.normalize('NFKC').toLowerCase();

/** Letters and digits, in lower case. */
const bare = (text: string): string => folded(text).replace(/[^\p{L}\p{M}\p{N}]+/gu, '');

/** What anybody who knows the person or the service would try first (NIST SP 800-63B-4 §3.1.1.2), longest first. */
export function wordsOf({ email, username, claims }: Person, host: string): readonly string[] {
  const names = ['name', 'given_name', 'middle_name', 'family_name', 'nickname', 'preferred_username']
    .map((name) => claims?.[name])
    .filter((name) => typeof name === 'string');
  const texts = ['postern', host, email ?? '', username ?? '', ...names];
  const words = texts.flatMap((text) => [text, ...folded(text).split(/[^\p{L}\p{M}\p{N}]+/u)]).map(bare);
  return [...new Set(words)]
    .filter((word) => word.length >= shortestWord)
    .sort((one, other) => other.length - one.length);
}

/** Whether a password is such a word, several of them, or one with little added, whatever stands between. */
export function isLittleMoreThan(words: readonly string[], password: string): boolean {
  const whole = bare(password);
  const rest = words.reduce((text, word) => text.replaceAll(word, ' '), whole);
  return rest.includes(' ') && Array.from(rest.replaceAll(' ', '')).length <= little;
}
