import type { CommandIo, ExitCode } from './io.ts';
import { writeResult } from './result.ts';

/** What `postern migrate` needs. Both give names of migrations in their order. */
export interface MigrateCommandApp {
  readonly planMigrations: () => Promise<readonly string[]>;
  readonly migrateDatabase: () => Promise<readonly string[]>;
}

/** `postern migrate [--plan]` */
export async function migrate(io: CommandIo, app: MigrateCommandApp, { plan }: { plan: boolean }): Promise<ExitCode> {
  const names = plan ? await app.planMigrations() : await app.migrateDatabase();
  if (names.length === 0) io.err('The database is up to date.\n');
  const verb = plan ? 'would apply' : 'applied';
  if (io.json || names.length > 0) {
    writeResult(io, plan ? { pending: names } : { applied: names }, names.map((name) => `${verb} ${name}`).join('\n'));
  }
  return 0;
}
