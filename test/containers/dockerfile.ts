/** One instruction of a Dockerfile. */
export interface Instruction {
  readonly name: string;
  /** `--from=build` and the like. */
  readonly flags: readonly string[];
  /** What follows the flags, on one line. */
  readonly text: string;
}

/** A stage: its base image, its name, and what follows. */
export interface Stage {
  readonly image: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile. Knows what ours uses: no heredocs, no escapes but the line's. */
export function readDockerfile(source: string): Stage[] {
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const line of logicalLines(source)) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') {
      const [image = '', , stage] = rest.split(/\s+/);
      stages.push({ image, name: stage, instructions: [] });
    } else stages.at(-1)?.instructions.push({ name, ...splitFlags(rest) });
  }
  return stages;
}

const logicalLines = (source: string): string[] =>
  source
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');

function splitFlags(rest: string): { flags: string[]; text: string } {
  const flags: string[] = [];
  let text = rest;
  for (let match = /^(--\S+)\s+/.exec(text); match; match = /^(--\S+)\s+/.exec(text)) {
    flags.push(match[1] ?? '');
    text = text.slice(match[0].length);
  }
  return { flags, text };
}

/** The instructions of one name. */
export const every = ({ instructions }: Stage, name: string): readonly Instruction[] =>
  instructions.filter((instruction) => instruction.name === name);

/** What a stage copies: sources and target. */
export function copies(stage: Stage): { from: string | undefined; sources: string[]; target: string }[] {
  return every(stage, 'COPY').map(({ flags, text }) => {
    const words = text.split(/\s+/);
    const from = flags.find((flag) => flag.startsWith('--from='))?.slice('--from='.length);
    return { from, sources: words.slice(0, -1), target: words.at(-1) ?? '' };
  });
}

/** The environment that a stage sets. */
export const environment = (stage: Stage): Record<string, string> =>
  Object.fromEntries(
    every(stage, 'ENV').flatMap(({ text }) =>
      text.split(/\s+/).map((pair) => [pair.split('=')[0] ?? '', pair.slice(pair.indexOf('=') + 1)]),
    ),
  );

/** The words of an instruction in JSON form: `CMD ["node", "dist/main.js"]`. */
export const wordsOf = (text: string): string[] => JSON.parse(text.slice(text.indexOf('['))) as string[];
