import { CommanderError } from 'commander';
import type { ExitCode } from './app/commands/io.ts';
import { explainStart } from './app/explain-start.ts';
import { createProgram } from './app/program.ts';
import { AppError } from './foundation/errors.ts';

const program = createProgram({
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  ended(code) {
    process.exitCode = code;
  },
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/** Wrong usage is commander's to explain, and it has done so by now. */
function explain(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  process.stderr.write(`${error instanceof AppError ? error.message : explainStart(error)}\n`);
  return 1;
}
