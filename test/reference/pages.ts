import { commandsPage } from './command-page.ts';
import { contractPage } from './contract-page.ts';
import { httpPage } from './http-page.ts';
import { auditPage, logPage, metricsPage } from './operating-pages.ts';
import { hooksPage } from './page-hooks.ts';
import { configurationPage, seedPage, settingsPage } from './schema-pages.ts';

/** Every generated page by its name below `docs/reference/`. */
export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  return {
    'configuration.md': configurationPage(),
    'settings.md': settingsPage(),
    'commands.md': commandsPage(),
    'seed-file.md': seedPage(),
    'audit-events.md': auditPage(),
    'log.md': logPage(),
    'metrics.md': await metricsPage(),
    'http.md': httpPage(),
    'pages.md': hooksPage(),
    'contract.md': contractPage(),
  };
}
