import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** The absolute path of something in the project. */
export const inProject = (...parts) => join(root, ...parts);

/** What stops the set-up: shown as one line that names the remedy, without a stack. */
export class SetUpError extends Error {}

/** Progress goes to standard error: standard output belongs to the result of a command. */
export const say = (line) => process.stderr.write(`postern: ${line}\n`);

/** Runs `work`; what stops it becomes one line and exit code 1. */
export async function orExplain(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    say(error.message);
    return process.exit(1);
  }
}
