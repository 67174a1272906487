import { type Command, InvalidArgumentError } from 'commander';
import { type CommandApp, openCommandApp } from './command-app.ts';
import type { CommandIo, ExitCode } from './commands/io.ts';

/** What commands get from the process that they run in. */
export interface ProgramHost {
  /** Results, on standard output. */
  out(text: string): void;
  /** Messages, on standard error. */
  err(text: string): void;
  /** Told how the command ended, unless it threw. */
  ended(code: ExitCode): void;
}

/** How a command runs: with its output alone, or with everything that `openCommandApp` opens. */
export interface Runner {
  plain(options: { json?: boolean }, run: (io: CommandIo) => Promise<ExitCode>): Promise<void>;
  withApp(options: { json?: boolean }, run: (io: CommandIo, app: CommandApp) => Promise<ExitCode>): Promise<void>;
}

/** Runs commands for this process. */
export function createRunner(host: ProgramHost): Runner {
  const ioOf = ({ json }: { json?: boolean }): CommandIo => ({ out: host.out, err: host.err, json: json === true });
  return {
    async plain(options, run) {
      host.ended(await run(ioOf(options)));
    },
    async withApp(options, run) {
      const app = await openCommandApp();
      try {
        host.ended(await run(ioOf(options), app));
      } finally {
        await app.close();
      }
    },
  };
}

/** Adds a command that prints a result, as text or with `--json` as JSON. */
export function command(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).option('--json', 'print the result as JSON');
}

/** Reads an option that is a whole number within bounds. What it returns throws `InvalidArgumentError` (wrong usage). */
export const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const number = Number(text);
    const isFine = /^\d+$/.test(text) && number >= min && number <= max;
    if (!isFine) throw new InvalidArgumentError(`It is not a whole number from ${min} to ${max}.`);
    return number;
  };

/** The longest list that a command shows. */
export const longestList = 10_000;
