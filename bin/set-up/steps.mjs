import { renameSync, rmSync, statSync } from 'node:fs';
import { filesIn, fingerprint, readRecord, sameContent, writeRecord } from './fingerprint.mjs';
import { inProject, say } from './place.mjs';
import { run } from './run.mjs';
import { findRuntime } from './runtime.mjs';

const versions = ['package-lock.json'];

/** Writes the Prisma client of each engine from the data model. */
const generate = {
  name: 'generate',
  inputs: () => filesIn(['prisma/model', 'prisma/scripts', ...versions]),
  outputs: () => filesIn(['src/generated']),
  async make() {
    say('generating the database clients');
    await run(findRuntime(), [inProject('prisma/scripts/generate.mjs')], {
      remedy: 'run `npm run generate` once prisma/model is right.',
    });
  },
};

/** Compiles src and the templates to dist. The old build stays in place until the new one is whole. */
const build = {
  name: 'build',
  inputs: () => {
    // Tests are not built, and words are read as they are.
    const isBuilt = (path) => !path.endsWith('.test.ts') && !path.startsWith('views/locales');
    const made = ['src', 'views', 'bin/build-templates.mjs', 'tsconfig.json', 'tsconfig.build.json'];
    return filesIn([...made, ...versions], isBuilt);
  },
  outputs: () => filesIn(['dist']),
  async make() {
    say('building');
    // Beside dist, so that the source maps' relative paths are right in both places.
    const fresh = inProject('dist.new');
    rmSync(fresh, { recursive: true, force: true });
    try {
      const compiler = inProject('node_modules/typescript/bin/tsc');
      await run(findRuntime(), [compiler, '-p', 'tsconfig.build.json', '--outDir', fresh], {
        remedy: 'run `npm run typecheck` to see all of it.',
      });
      await run(findRuntime(), [inProject('bin/build-templates.mjs'), fresh], {
        remedy: 'run `npm run build` once views is right.',
      });
      rmSync(inProject('dist'), { recursive: true, force: true });
      renameSync(fresh, inProject('dist'));
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  },
};

export const steps = { generate, build };

/** Whether what the step would make is there and made from what its inputs hold now. */
export function isCurrent(step) {
  const record = readRecord(step.name);
  if (record === undefined || record.outputs.length === 0) return false;
  const there = ([path, size]) => statSync(inProject(path), { throwIfNoEntry: false })?.size === size;
  if (!record.outputs.every(there)) return false;
  return sameContent(fingerprint(step.inputs(), record.inputs), record.inputs);
}

/** Does the step and records what it saw and made. */
export async function perform(step) {
  const inputs = fingerprint(step.inputs());
  await step.make();
  writeRecord(step.name, { inputs, outputs: step.outputs().map((path) => [path, statSync(inProject(path)).size]) });
}
