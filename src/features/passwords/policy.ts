import type { NewPasswordProblem } from '../../foundation/views/pages.ts';
import type { Settings } from '../settings/module.ts';
import { isLittleMoreThan, wordsOf } from './own-words.ts';

/** The names of a person that must not be their password. */
export interface Person {
  readonly email?: string | undefined;
  readonly username?: string | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** The longest password, in code points: what a password manager makes fits, what is meant to cost us time does not. */
export const passwordLimit = 1024;

/** What can be wrong with a password that somebody chooses; pages have words of their own for each. */
export type PasswordProblemKind = NewPasswordProblem;

/** Why a password is refused: by kind, and as a sentence for programs. */
export interface PasswordProblem {
  readonly kind: PasswordProblemKind;
  readonly text: string;
}

/** The settings that the policy reads. */
export type PolicySettings = Pick<Settings, 'password' | 'mfa'>;

/** The shortest new password: less where nobody comes in without a second factor (NIST SP 800-63B-4 §3.1.1.2). */
export const shortestPassword = ({ password, mfa }: PolicySettings): number =>
  mfa.policy === 'required' ? password.minLengthWithSecondFactor : password.minLength;

export interface Candidate {
  readonly password: string;
  readonly person: Person;
  /** The host of the issuer: what people call this service. */
  readonly host: string;
}

/** What is wrong with a password as it stands, without looking anything up. Lengths are code points (§3.1.1.2). */
export function plainProblem(candidate: Candidate, settings: PolicySettings): PasswordProblemKind | undefined {
  const { password } = candidate;
  if (password === '') return 'missing';
  if (password.length > passwordLimit * 2) return 'long';
  if (!password.isWellFormed() || password.includes('\0')) return 'characters';
  const text = password.normalize('NFC');
  const length = Array.from(text).length;
  if (length > passwordLimit) return 'long';
  if (length < shortestPassword(settings)) return 'short';
  if (isLittleMoreThan(wordsOf(candidate.person, candidate.host), text)) return 'own';
  return classes.find((kind) => settings.password.composition[kind] && !patterns[kind].test(text));
}

const patterns = { upper: /\p{Lu}/u, lower: /\p{Ll}/u, digit: /\p{Nd}/u, special: /[^\p{L}\p{M}\p{N}]/u } as const;
const classes = ['upper', 'lower', 'digit', 'special'] as const;

/** The sentence for programs. */
export function inWords(kind: PasswordProblemKind, settings: PolicySettings): PasswordProblem {
  const least = shortestPassword(settings);
  const texts: Readonly<Record<PasswordProblemKind, string>> = {
    missing: 'Choose a password.',
    short: `Use at least ${least} characters. A few words together are easy to remember.`,
    long: `Use at most ${passwordLimit} characters.`,
    characters: 'This password has characters that cannot be used.',
    own: 'Choose something other than your own name or e-mail address, or the name of this service.',
    upper: 'Use at least one upper-case letter.',
    lower: 'Use at least one lower-case letter.',
    digit: 'Use at least one digit.',
    special: 'Use at least one character that is neither a letter nor a digit.',
    common: 'Many people use this password, so it is among the first that are guessed.',
    breached: 'This password is known from a theft of data elsewhere.',
    former: 'This password was used here before.',
    weak: 'This password is easy to guess.',
  };
  return { kind, text: texts[kind] };
}

/** The rules that are switched on although NIST SP 800-63B-4 §3.1.1.2 says not to, by the names of their settings. */
export function departures({ password }: PolicySettings): string[] {
  const rules = classes.filter((kind) => password.composition[kind]).map((kind) => `password.composition.${kind}`);
  return password.maxAge > 0 ? [...rules, 'password.maxAge'] : rules;
}
