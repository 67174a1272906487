import type { Argument, Command, Option } from 'commander';
import { createProgram } from '../../src/app/program.ts';
import { code, generatedFrom, page, table } from './markdown.ts';

/** The program with every command; nothing is run. */
export const program: Command = createProgram({ out: () => {}, err: () => {}, ended: () => {} });

/** A command and its name with those above it: `postern keys rotate`. */
export interface NamedCommand {
  readonly name: string;
  readonly command: Command;
}

/** Every command that does something, in the order of the program. */
export function commands(command: Command = program, above = ''): NamedCommand[] {
  const name = `${above} ${command.name()}`.trim();
  if (command.commands.length === 0) return [{ name, command }];
  return command.commands.flatMap((inner) => commands(inner, name));
}

/** A command as it is typed, without its options. */
export const usage = ({ name, command }: NamedCommand): string =>
  [name, ...command.registeredArguments.map(argumentText)].join(' ');

const argumentText = (argument: Argument): string =>
  argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;

const isJson = (option: Option): boolean => option.long === '--json';

function optionRow(option: Option): string[] {
  const fallback = option.defaultValue === undefined ? '' : ` (default ${String(option.defaultValue)})`;
  const needed = option.mandatory ? ' Needed.' : '';
  return [code(option.flags), `${option.description}${fallback}.${needed}`];
}

function section(named: NamedCommand): string {
  const { command } = named;
  const options = command.options.filter((option) => !isJson(option)).map(optionRow);
  const names = command.registeredArguments.map((argument) => [
    code(argumentText(argument)),
    `${argument.description}.`,
  ]);
  const rows = [...names, ...options];
  const heading = `## \`${usage(named)}\`\n\n${sentence(command.description())}`;
  return rows.length === 0 ? heading : `${heading}\n\n${table([['', 'What it is'], ...rows])}`;
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** `docs/reference/commands.md`. */
export function commandsPage(): string {
  return page(
    generatedFrom('src/app/program.ts'),
    '# Commands',
    `\`npx postern …\` in the project's folder; in the container \`node dist/cli.js …\` (\`docker compose exec postern node dist/cli.js doctor\`).

Every command reads the same [configuration](configuration.md) as the server, works whether or not the server runs, and may be used
beside it: what it changes holds in the running server within a second.

Results go to standard output, messages to standard error. \`--json\` prints the result as JSON. Exit codes: 0 done or nothing to do,
1 failed, 2 wrong usage.`,
    ...commands().map(section),
  );
}
