/** Where a command's words go, so that tests can read them. */
export interface CommandIo {
  /** Results, on standard output. The text ends with its own newline. */
  out(text: string): void;
  /** Messages for the operator, on standard error. The text ends with its own newline. */
  err(text: string): void;
  /** Whether results are asked for as JSON (`--json`). */
  readonly json: boolean;
}

/** What a command ends with: 0 done (or nothing to do), 1 failed, 2 wrong usage. */
export type ExitCode = 0 | 1 | 2;
