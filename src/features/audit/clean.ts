/**
 * Text from outside as every database takes it: PostgreSQL refuses NUL, and half a surrogate pair is no UTF-8. Cut to
 * `limit` code points, which is what a column's length counts. Undefined and empty become null.
 */
export function cleanText(value: string | undefined, limit: number): string | null {
  if (value === undefined || value === '') return null;
  if (value.length <= limit && value.isWellFormed() && !value.includes('\0')) return value;
  // At most two code units make a code point: no need to walk through a megabyte to keep 200 characters of it.
  const well = value
    .slice(0, limit * 2 + 1)
    .replaceAll('\0', '')
    .toWellFormed();
  return well.length <= limit ? well : Array.from(well).slice(0, limit).join('');
}

const detailsLimit = 16_384;
/** A single text of the details. */
const textLimit = 2000;

/** Details as JSON text. What cannot be written (a cycle, a BigInt) or is too long is said to be left out. */
export function cleanDetails(details: Readonly<Record<string, unknown>> | undefined): string {
  if (details === undefined) return '{}';
  try {
    const plain = JSON.stringify(details);
    // JSON writes NULs and halves of surrogate pairs as escapes: without one, and this short, there is nothing to clean.
    if (plain.length <= textLimit && !plain.includes('\\u')) return plain;
    const text = JSON.stringify(details, (_, value: unknown) =>
      typeof value === 'string' ? (cleanText(value, textLimit) ?? '') : value,
    );
    return text.length <= detailsLimit ? text : JSON.stringify({ left_out: 'details too long' });
  } catch {
    return JSON.stringify({ left_out: 'details not readable' });
  }
}
