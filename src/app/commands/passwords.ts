import { type BuildBreached, buildBreached } from '../../features/passwords/module.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { writeResult } from './result.ts';

/** `postern passwords build-breached LIST… --output FILE`: the file that `password.breached.file` names. */
export async function passwordsBuildBreached(io: CommandIo, args: BuildBreached): Promise<ExitCode> {
  const entries = await buildBreached(args);
  io.err('Name it in the setting password.breached.file.\n');
  writeResult(io, { file: args.output, entries }, `file: ${args.output}\nentries: ${entries}`);
  return 0;
}
