/** A table in Markdown. The first row is the heading; a bar inside a cell is escaped. */
export function table(rows: readonly (readonly string[])[]): string {
  const [heading = [], ...body] = rows;
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heading), line(heading.map(() => '---')), ...body.map(line)].join('\n');
}

/** Text as code. */
export const code = (text: string): string => `\`${text}\``;

/** Several as code, with commas between. */
export const codes = (texts: readonly string[]): string => texts.map(code).join(', ');

/** Parts with an empty line between, ending with a line break. */
export const page = (...parts: readonly string[]): string => `${parts.map((part) => part.trim()).join('\n\n')}\n`;

/** What the reader of a generated page must know before editing it. */
export const generatedFrom = (source: string): string =>
  `<!-- Made by \`npm run docs\` from ${source}. Change that, not this page. -->`;
