import { describeConfig, redactedValues } from '../../foundation/config/describe.ts';
import { ConfigError } from '../../foundation/config/errors.ts';
import type { Config } from '../../foundation/config/schema.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { writeResult } from './result.ts';

/** What the commands about configuration need: loading it, which throws `ConfigError`. */
export interface ConfigCommandDeps {
  readonly load: () => Config;
}

/** `postern config check`: everything that is wrong, one line each, and 1; or that it is valid. */
export async function configCheck(io: CommandIo, deps: ConfigCommandDeps): Promise<ExitCode> {
  const config = loadOrTell(io, deps);
  if (config === undefined) return 1;
  for (const warning of config.warnings) io.err(`${warning}\n`);
  writeResult(io, { valid: true, problems: [], warnings: config.warnings }, 'The configuration is valid.');
  return 0;
}

/** `postern config print`: the values at work, each with where it came from. Secrets are always replaced. */
export async function configPrint(io: CommandIo, deps: ConfigCommandDeps): Promise<ExitCode> {
  const config = loadOrTell(io, deps);
  if (config === undefined) return 1;
  const values = Object.entries(redactedValues(config)).map(([key, value]) => ({
    key,
    value,
    source: config.sources[key as keyof Config['sources']],
  }));
  writeResult(io, values, describeConfig(config).trimEnd());
  return 0;
}

function loadOrTell(io: CommandIo, { load }: ConfigCommandDeps): Config | undefined {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (io.json) writeResult(io, { valid: false, problems: error.problems, warnings: [] }, '');
    else io.err(`${error.message}\n`);
    return undefined;
  }
}
