import { createRequire } from 'node:module';
import 'argon2';

/** Which build of argon2 this process runs: the portable one takes about twice the time a hash. */
export interface Argon2Build {
  readonly kind: 'compiled' | 'portable';
  /** The file that was loaded. */
  readonly file: string;
}

/** Reads which binary was loaded, not which one should have been. */
export function argon2Build(loaded: readonly string[] = loadedFiles()): Argon2Build {
  const file = loaded.find((name) => /argon2/.test(name) && name.endsWith('.node')) ?? 'unknown';
  return { kind: /[\\/]build[\\/](?:Release|Debug)[\\/]/.test(file) ? 'compiled' : 'portable', file };
}

/** One line for the log at start and for `doctor`. */
export const describeArgon2Build = ({ kind }: Argon2Build): string =>
  kind === 'compiled'
    ? 'argon2 is compiled for this CPU'
    : 'argon2 is the portable build: password checks take about twice the time of one compiled for this CPU';

const loadedFiles = (): string[] => Object.keys(createRequire(import.meta.url).cache);
