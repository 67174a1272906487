import { AppError } from '../errors.ts';

/** Everything that can stop a process before it serves. */
export type ConfigErrorCode =
  | 'config_invalid'
  | 'key_missing'
  | 'key_malformed'
  | 'key_wrong'
  | 'data_dir_unusable'
  | 'data_dir_full'
  | 'data_dir_in_use';

/** One thing wrong with the configuration: where it was written, what is wrong, and what to do. */
export interface ConfigProblem {
  /** `postern.yaml:12`, the name of a variable, or `--key` of an argument. */
  readonly where: string;
  readonly message: string;
  readonly remedy: string;
}

/** Thrown with every problem at once, so that an operator mends them in one go. The values of secrets are in none of them. */
export class ConfigError extends AppError<'config_invalid'> {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ where, message, remedy }) => `${where}: ${message} ${remedy}`);
    super('config_invalid', 500, lines.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** An error of start-up with its remedy in the message; it ends the process with one line. */
export function startError(code: ConfigErrorCode, message: string, cause?: unknown): AppError<ConfigErrorCode> {
  return new AppError(code, 500, message, { cause });
}
