import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readCommitted } from '../architecture/source.ts';
import { page, table } from './markdown.ts';

const folder = 'docs/conformance';

/** What a specification asks of the server in one place, and how that is held. */
export interface Clause {
  readonly clause: string;
  readonly level: string;
  readonly asked: string;
  readonly held: string;
}

export interface Specification {
  /** Its page, `rfc7009.md`. */
  readonly file: string;
  readonly title: string;
  readonly clauses: readonly Clause[];
}

/** Rows without heads; `\|` is a bar in a cell. */
function clausesOf(text: string): Clause[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (?:Clause|---) \|/.test(line))
    .map((line) => {
      const cells = line.slice(2, -2).split(/ (?<!\\)\| /);
      const [clause = '', level = '', asked = '', held = ''] = cells.map((cell) => cell.replaceAll('\\|', '|').trim());
      return { clause, level, asked, held };
    });
}

/** Every page of `docs/conformance/`, by name. */
export function specifications(): readonly Specification[] {
  return readdirSync(join(import.meta.dirname, '../..', folder))
    .filter((file) => file !== 'README.md')
    .toSorted()
    .map((file) => {
      const text = readCommitted(`${folder}/${file}`);
      return { file, title: /^# (.+)$/m.exec(text)?.[1] ?? '', clauses: clausesOf(text) };
    });
}

/** The tests that a clause names, as a title and a file. */
export function testsOf({ held }: Clause): readonly { title: string; file: string }[] {
  return [...held.matchAll(/\[(.+?)\]\(\.\.\/\.\.\/([^)]+)\)/g)].map(([, title = '', file = '']) => ({ title, file }));
}

const others = ['differs', 'does not apply', 'waits'] as const;
/** How a clause is held when no test holds it. */
export const otherwise = ({ held }: Clause): (typeof others)[number] | undefined =>
  others.find((word) => held.startsWith(`${word}: `));

/** `docs/conformance/README.md`: what is held of which specification. */
export function conformancePage(): string {
  const rows = specifications().map(({ file, title, clauses }) => {
    const by = (level: RegExp) =>
      String(clauses.filter((clause) => level.test(clause.level) && testsOf(clause).length > 0).length);
    const other = (word: string) => String(clauses.filter((clause) => otherwise(clause) === word).length);
    return [
      `[${title}](${file})`,
      by(/^MUST/),
      by(/^SHOULD/),
      other('differs'),
      other('waits'),
      other('does not apply'),
    ];
  });
  return page(
    '<!-- Made by `npm run docs` from the pages beside it. Change those, not this page. -->',
    '# Conformance',
    `What each specification asks of the server, clause by clause, written from the specifications and not from the code, and the test
that holds it. A test fails when a page names one that is not there.`,
    table([['Specification', 'MUST held', 'SHOULD held', 'differs', 'waits', 'does not apply'], ...rows]),
    `*Differs*: done otherwise, with the reason. *Waits*: for a capability that is not built yet. *Does not apply*: to what Postern does not
offer, or a choice that the clause leaves open.`,
  );
}
