/**
 * What a login is compared by: trimmed, NFC, lower case, nothing more. Undefined for what can be no login: empty, longer
 * than any address, or text that databases refuse (NUL, half a surrogate pair).
 */
export function loginKey(login: string): string | undefined {
  if (login.length > 1000) return undefined;
  const key = login.trim().normalize('NFC').toLowerCase();
  const fits = key.length > 0 && key.length <= 320;
  return fits && !key.includes('\0') && key.isWellFormed() ? key : undefined;
}
