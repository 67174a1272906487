import ipaddr from 'ipaddr.js';

/** The kinds of a certificate's other names that somebody can be told by (RFC 5280 §4.2.1.6). */
export type AlternativeName = 'dns' | 'uri' | 'ip' | 'email';

/** As Node writes them. */
const kinds: Readonly<Record<string, AlternativeName>> = { DNS: 'dns', URI: 'uri', 'IP Address': 'ip', email: 'email' };

/** One name, in quotes as JSON where it holds what could be taken for the beginning of another one (CVE-2021-44532). */
const entry = /([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

/** Whether a certificate has this name of this kind, by what Node says of its `subjectAltName`. */
export function hasAlternativeName(names: string | undefined, kind: AlternativeName, wanted: string): boolean {
  const expected = normal(kind, wanted);
  return expected !== undefined && read(names ?? '').some(([of, name]) => of === kind && normal(of, name) === expected);
}

/** What cannot be read as a whole names nobody. */
function read(names: string): (readonly [AlternativeName | undefined, string])[] {
  const found: (readonly [AlternativeName | undefined, string])[] = [];
  entry.lastIndex = 0;
  while (entry.lastIndex < names.length) {
    const [, kind = '', name = ''] = entry.exec(names) ?? [];
    if (kind === '') return [];
    found.push([kinds[kind], name.startsWith('"') ? String(JSON.parse(name)) : name]);
  }
  return found;
}

/** Host names are the same in capitals (RFC 4343), and addresses in each of their spellings. Wildcards stand for themselves. */
function normal(kind: AlternativeName, name: string): string | undefined {
  if (kind === 'ip') return ipaddr.isValid(name) ? ipaddr.parse(name).toNormalizedString() : undefined;
  if (kind === 'dns') return name.toLowerCase();
  return kind === 'email' ? name.replace(/@[^@]*$/, (domain) => domain.toLowerCase()) : name;
}
