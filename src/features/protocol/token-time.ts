/** Kinds that are issued by the thousand, and of which none follows from another. */
const marked = new Set(['AccessToken', 'ClientCredentials']);

const length = 9;
const shape = /^[0-9a-z]{9}$/;

/**
 * When an opaque token was made, as its id says behind the prefix: milliseconds in base 36, so that it sorts by time. Rows
 * are named by it and the hash, and so come in at the end of their index: named by the hash alone, each of a hundred
 * commits a second would write another page of it for every token.
 *
 * @param now milliseconds since the epoch
 */
export const timeMark = (kind: string, now: number): string =>
  marked.has(kind) ? now.toString(36).padStart(length, '0').slice(-length) : '';

/** The mark in an id with a prefix of three characters; empty where there is none. What is presented may be anything. */
export function timeMarkIn(kind: string, id: string): string {
  if (!marked.has(kind)) return '';
  const mark = id.slice(3, 3 + length);
  return shape.test(mark) ? mark : '';
}
