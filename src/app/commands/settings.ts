import { stringify } from 'yaml';
import type { SettingsModule } from '../../features/settings/module.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { warnOfDepartures } from './policy-warning.ts';
import { writeResult } from './result.ts';

/** `postern settings print`: every setting as it holds now; the text can be put under `settings:` of a seed file. */
export async function settingsPrint(io: CommandIo, { settings }: { settings: SettingsModule }): Promise<ExitCode> {
  await settings.reload();
  writeResult(io, settings.current(), stringify(settings.current()).trimEnd());
  warnOfDepartures(io, settings);
  return 0;
}
