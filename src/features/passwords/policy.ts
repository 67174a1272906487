/** The names of a person that must not be their password. */
export interface Person {
  readonly email?: string | undefined;
  readonly username?: string | undefined;
}

/** The longest password, in code points: what a password manager makes fits, what is meant to cost us time does not. */
export const passwordLimit = 1024;

const form = (text: string): string => text.trim().normalize('NFC').toLowerCase();

/** What can be wrong with a password that somebody chooses; pages have words of their own for each. */
export type PasswordProblemKind = 'missing' | 'short' | 'long' | 'characters' | 'own';

/** Why a password is refused: by kind, and as a sentence for programs. */
export interface PasswordProblem {
  readonly kind: PasswordProblemKind;
  readonly text: string;
}

/** Why this may not become the person's password; undefined when it may. Lengths are code points (NIST SP 800-63B-4 §3.1.1.2). */
export function passwordProblem(password: string, person: Person, minLength: number): PasswordProblem | undefined {
  const kind = problemKind(password, person, minLength);
  return kind === undefined ? undefined : { kind, text: words(kind, minLength) };
}

function problemKind(password: string, person: Person, minLength: number): PasswordProblemKind | undefined {
  if (password === '') return 'missing';
  if (password.length > passwordLimit * 2) return 'long';
  if (!password.isWellFormed() || password.includes('\0')) return 'characters';
  const length = Array.from(password.normalize('NFC')).length;
  if (length > passwordLimit) return 'long';
  if (length < minLength) return 'short';
  const own = [person.email, person.email?.split('@')[0], person.username];
  return own.some((name) => name !== undefined && form(name) === form(password)) ? 'own' : undefined;
}

function words(kind: PasswordProblemKind, minLength: number): string {
  const texts: Readonly<Record<PasswordProblemKind, string>> = {
    missing: 'Choose a password.',
    short: `Use at least ${minLength} characters. A few words together are easy to remember.`,
    long: `Use at most ${passwordLimit} characters.`,
    characters: 'This password has characters that cannot be used.',
    own: 'Choose something other than your own e-mail address or username.',
  };
  return texts[kind];
}
