import { type Claims, claimsLimit } from './schema.ts';

/** What people may say about themselves; the other claims are the operator's. */
export const profileFields = [
  'name',
  'given_name',
  'family_name',
  'nickname',
  'website',
  'picture',
  'zoneinfo',
  'locale',
] as const;

export type ProfileField = (typeof profileFields)[number];

/** Fields as they were typed; an empty one takes the claim away. */
export type ProfileForm = Readonly<Record<ProfileField, string>>;

/** What is wrong with a field. */
export type ProfileProblems = Partial<Record<ProfileField, 'long' | 'invalid'>>;

const longest = 200;
const longestUrl = 1000;

const isUrl = (text: string, protocols: RegExp): boolean => {
  const url = URL.parse(text);
  // Credentials in an address would be handed to every app, and make it look like another host's.
  return url !== null && protocols.test(url.protocol) && url.username === '' && url.password === '';
};

const succeeds = (work: () => unknown): boolean => {
  try {
    work();
    return true;
  } catch {
    return false;
  }
};

const isValid: Partial<Record<ProfileField, (text: string) => boolean>> = {
  website: (text) => isUrl(text, /^https?:$/),
  // Shown by apps within their own pages, which are https.
  picture: (text) => isUrl(text, /^https:$/),
  zoneinfo: (text) => succeeds(() => new Intl.DateTimeFormat('en', { timeZone: text })),
  locale: (text) => succeeds(() => new Intl.Locale(text)),
};

function problemOf(field: ProfileField, text: string): 'long' | 'invalid' | undefined {
  if (text.length > (field === 'website' || field === 'picture' ? longestUrl : longest)) return 'long';
  if (/[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u.test(text)) return 'invalid';
  return text === '' || (isValid[field]?.(text) ?? true) ? undefined : 'invalid';
}

/** The claims with what the person says in place of what they said before, or what is wrong with it. */
export function withProfile(
  claims: Claims,
  form: ProfileForm,
): { readonly claims: Claims; readonly changed: readonly ProfileField[] } | { readonly problems: ProfileProblems } {
  const typed = profileFields.map((field) => [field, form[field].trim().normalize('NFC')] as const);
  const found = typed.flatMap(([field, text]) => {
    const problem = problemOf(field, text);
    return problem === undefined ? [] : [[field, problem] as const];
  });
  if (found.length > 0) return { problems: Object.fromEntries(found) };
  const others = Object.entries(claims).filter(([name]) => !profileFields.some((field) => field === name));
  const all: Claims = Object.fromEntries([...others, ...typed.filter(([, text]) => text !== '')]);
  if (Buffer.byteLength(JSON.stringify(all)) > claimsLimit) return { problems: { name: 'long' } };
  const changed = typed.filter(([field, text]) => (claims[field] ?? '') !== text).map(([field]) => field);
  return { claims: all, changed };
}
