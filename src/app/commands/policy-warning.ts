import { departures } from '../../features/passwords/module.ts';
import type { SettingsModule } from '../../features/settings/module.ts';
import type { CommandIo } from './io.ts';

/** Tells the operator of rules for passwords that make them worse: people answer with `Password1!` and a note on the screen. */
export function warnOfDepartures(io: CommandIo, settings: Pick<SettingsModule, 'current'>): void {
  for (const name of departures(settings.current())) {
    io.err(`Warning: ${name} leaves NIST SP 800-63B-4 §3.1.1.2, which says that no such rule shall be imposed.\n`);
  }
}
