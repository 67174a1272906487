/** One relative distinguished name: its attributes as `TYPE=value`, sorted, since their order means nothing. */
type RelativeName = readonly string[];

const hexPair = /^[0-9a-f]{2}$/i;
/** Values in double quotes and in hexadecimal (RFC 4514 §2.4) are written by hardly anybody: refused, never guessed at. */
const type = /^[A-Za-z][A-Za-z0-9-]*$|^\d+(?:\.\d+)*$/;

/**
 * A distinguished name as RFC 4514 writes it (`CN=billing,O=Example,C=US`: the last one of the certificate first), in a
 * form in which two are equal if they are the same name. Undefined for what is none. Values count to the letter.
 */
export function distinguishedName(text: string): string | undefined {
  return normal(splitAt(text, ',').map((part) => relativeName(part, '+')));
}

/** The same for the subject of a certificate as Node writes it: in the certificate's order, a line for each. */
export function subjectName(subject: string): string | undefined {
  return normal(
    subject
      .split('\n')
      .reverse()
      .map((line) => relativeName(line, ' + ')),
  );
}

const normal = (names: readonly (RelativeName | undefined)[]): string | undefined =>
  names.includes(undefined) ? undefined : JSON.stringify(names);

function relativeName(text: string, joint: string): RelativeName | undefined {
  const attributes = splitAt(text, joint).map(attribute);
  return attributes.includes(undefined) ? undefined : (attributes as string[]).sort();
}

/** `TYPE=value`, unescaped; the type's case means nothing. */
function attribute(text: string): string | undefined {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(0, equals)).trim();
  const value = unescaped(trimmed(text.slice(equals + 1)));
  return type.test(name) && value ? `${name.toUpperCase()}=${value}` : undefined;
}

/** Without the spaces around it that are not escaped. */
const trimmed = (text: string): string => text.trimStart().replace(/(?<!\\) +$/, '');

function splitAt(text: string, joint: string): string[] {
  const parts: string[] = [];
  let begin = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text.startsWith(joint, at)) {
      parts.push(text.slice(begin, at));
      begin = at + joint.length;
      at = begin - 1;
    }
  }
  return [...parts, text.slice(begin)];
}

/** RFC 4514 §3: a backslash before a character that would mean something, or before the two digits of a byte of UTF-8. */
function unescaped(text: string): string | undefined {
  if (/^["#]/.test(text)) return undefined;
  const bytes: Buffer[] = [];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== '\\') bytes.push(Buffer.from(String.fromCodePoint(text.codePointAt(at) ?? 0)));
    else if (hexPair.test(text.slice(at + 1, at + 3))) bytes.push(Buffer.from(text.slice(at + 1, at + 3), 'hex'));
    else if (at + 1 < text.length) bytes.push(Buffer.from(text[at + 1] ?? ''));
    else return undefined;
    at += stepBeyond(text, at);
  }
  return Buffer.concat(bytes).toString();
}

/** How many units of the text what stands at this place takes beside the first. */
function stepBeyond(text: string, at: number): number {
  if (text[at] === '\\') return hexPair.test(text.slice(at + 1, at + 3)) ? 2 : 1;
  return (text.codePointAt(at) ?? 0) > 0xffff ? 1 : 0;
}
