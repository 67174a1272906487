/** The names of a person that must not be their password. */
export interface Person {
  readonly email?: string | undefined;
  readonly username?: string | undefined;
}

/** The longest password, in code points: what a password manager makes fits, what is meant to cost us time does not. */
export const passwordLimit = 1024;

const form = (text: string): string => text.trim().normalize('NFC').toLowerCase();

/** Why this may not become the person's password, as a sentence; undefined when it may. Lengths are code points (NIST SP 800-63B-4 §3.1.1.2). */
export function passwordProblem(password: string, person: Person, minLength: number): string | undefined {
  if (password.length > passwordLimit * 2) return tooLong;
  if (!password.isWellFormed() || password.includes('\0')) return 'This password has characters that cannot be used.';
  const length = Array.from(password.normalize('NFC')).length;
  if (length > passwordLimit) return tooLong;
  if (length < minLength) return `Use at least ${minLength} characters. A few words together are easy to remember.`;
  const own = [person.email, person.email?.split('@')[0], person.username];
  const isOwn = own.some((name) => name !== undefined && form(name) === form(password));
  return isOwn ? 'Choose something other than your own e-mail address or username.' : undefined;
}

const tooLong = `Use at most ${passwordLimit} characters.`;
