import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { EndReason } from '../features/users/module.ts';
import { systemClock } from '../foundation/clock.ts';
import { planMigrations } from '../foundation/db/migrate.ts';
import { createIds } from '../foundation/ids.ts';
import { systemRandom } from '../foundation/random.ts';
import { type CommandApp, commandConfig } from './command-app.ts';
import { command, createRunner, longestList, type ProgramHost, type Runner, whole } from './command-runner.ts';
import { adminCreate, adminRecover } from './commands/admin.ts';
import { apply } from './commands/apply.ts';
import { auditSearch } from './commands/audit.ts';
import { configCheck, configPrint } from './commands/config.ts';
import { doctor } from './commands/doctor.ts';
import { healthcheck } from './commands/healthcheck.ts';
import { keyList, keyRotate } from './commands/keys.ts';
import { migrate } from './commands/migrate.ts';
import { passwordsBuildBreached } from './commands/passwords.ts';
import { settingsPrint } from './commands/settings.ts';
import { stats } from './commands/stats.ts';
import { doctorFacts } from './doctor-facts.ts';
import { migrateStore } from './open-store.ts';
import { addClientCommands } from './program-clients.ts';
import { addFederationCommands } from './program-federation.ts';
import { addMailCommands } from './program-mail.ts';
import { addMfaCommands } from './program-mfa.ts';
import { addUserCommands } from './program-users.ts';

/** Every operator command with its options; nothing runs before `parseAsync`. Wrong usage throws `CommanderError`. */
export function createProgram(host: ProgramHost): Command {
  const runner = createRunner(host);
  const program = new Command('postern')
    .description('The operator’s entry to Postern. Every command works while the server runs and beside it.')
    .version(versionOf(), '--version', 'print the version')
    .exitOverride()
    .showHelpAfterError();
  addDatabaseCommands(program, runner);
  addConfigCommands(program, runner);
  addHealthCommands(program, runner);
  addAdminCommands(program, runner);
  addUserCommands(program, runner);
  addClientCommands(program, runner);
  addFederationCommands(program, runner);
  addKeyCommands(program, runner);
  addMailCommands(program, runner);
  addMfaCommands(program, runner);
  addPasswordCommands(program, runner);
  addAuditCommand(program, runner);
  addStatsCommand(program, runner);
  return program;
}

/** Of the package, which lies two folders up from the sources as from what is built. */
function versionOf(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function addDatabaseCommands(program: Command, { plain, withApp }: Runner): void {
  command(program, 'migrate', 'bring the database up to date')
    .option('--plan', 'only say what would be done')
    .action(async (options) => {
      const config = commandConfig();
      const base = { config, clock: systemClock, random: systemRandom, ids: createIds(systemClock, systemRandom) };
      const parts = {
        planMigrations: () => planMigrations({ ...base, url: config.databaseUrl }),
        migrateDatabase: async () => (await migrateStore(base)).migrated,
      };
      await plain(options, (io) => migrate(io, parts, { plan: options.plan === true }));
    });
  command(program, 'apply', 'bring settings, people, APIs and apps to what a seed file says')
    .requiredOption('-f, --file <file>', 'YAML or JSON; - reads standard input')
    .option('--dry-run', 'only say what would change')
    .option('--reset-credentials', 'also set passwords and secrets of what exists already')
    .action((options) => withApp(options, (io, app) => apply(io, seedApp(app), seedArguments(options))));
  const settings = program.command('settings').description('what may change while the server runs');
  command(settings, 'print', 'print every setting').action((options) => withApp(options, settingsPrint));
}

/** A person whom a seed disables is signed out everywhere, the apps that take part included. */
const seedApp = (app: CommandApp) => ({
  ...app,
  accountEndings: async (id: string, reason: EndReason) => [
    ...(await app.endings.ofAccount(id, reason)),
    ...(await app.endings.notices(id)),
  ],
  clientEndings: app.endings.ofClient,
});

const seedArguments = (options: { file: string; dryRun?: boolean; resetCredentials?: boolean }) => ({
  file: options.file,
  dryRun: options.dryRun === true,
  resetCredentials: options.resetCredentials === true,
});

function addConfigCommands(program: Command, { plain }: Runner): void {
  const config = program.command('config').description('the configuration of this process');
  command(config, 'check', 'say what is wrong with it, all at once').action((options) =>
    plain(options, (io) => configCheck(io, { load: commandConfig })),
  );
  command(config, 'print', 'print it with where each value came from')
    .option('--redacted', 'without secrets (always so)')
    .action((options) => plain(options, (io) => configPrint(io, { load: commandConfig })));
}

function addHealthCommands(program: Command, { plain }: Runner): void {
  command(program, 'doctor', 'check this installation and say what to do about each finding').action((options) =>
    plain(options, async (io) => doctor(io, await doctorFacts())),
  );
  command(program, 'healthcheck', 'ask the running server whether it is ready').action((options) =>
    plain(options, (io) => healthcheck(io, commandConfig())),
  );
}

function addAdminCommands(program: Command, { withApp }: Runner): void {
  const admin = program.command('admin').description('administrators');
  command(admin, 'create', 'make an administrator, or a link with which a person becomes one')
    .requiredOption('--email <address>', 'who it is')
    .option('--password-file <file>', 'a file that holds the password')
    .action((options) => {
      const args = { email: options.email, passwordFile: options.passwordFile };
      return withApp(options, (io, app) => adminCreate(io, app, args));
    });
  command(admin, 'recover', 'print a link that makes an administrator').action((options) =>
    withApp(options, adminRecover),
  );
}

function addKeyCommands(program: Command, { withApp }: Runner): void {
  const keys = program.command('keys').description('signing keys');
  command(keys, 'list', 'list the published keys').action((options) => withApp(options, keyList));
  command(keys, 'rotate', 'let the next keys take over as soon as they have been published long enough')
    .option('--compromised <kid>', 'remove this key at once and replace it')
    .action((options) => withApp(options, (io, app) => keyRotate(io, app, { compromised: options.compromised })));
}

function addPasswordCommands(program: Command, { plain }: Runner): void {
  const passwords = program.command('passwords').description('what new passwords are checked against');
  command(passwords, 'build-breached', 'make the file of breached passwords from published lists')
    .argument('<list...>', 'texts with a SHA-1, a SHA-1:count or a password a line; - reads standard input')
    .requiredOption('-o, --output <file>', 'where to put it; about 8 bytes an entry')
    .action((inputs: string[], options) =>
      plain(options, (io) => passwordsBuildBreached(io, { inputs, output: options.output })),
    );
}

function addAuditCommand(program: Command, { withApp }: Runner): void {
  command(program, 'audit', 'tell what happened')
    .option('--user <login>', 'events about and by this person')
    .option('--client <id>', 'events about this client')
    .option('--request <id>', 'the reference that an error page shows')
    .option('--type <type>', 'events of this type, such as signin.failed')
    .option('--since <time>', 'a duration (1h, 7d) or a date')
    .option('--limit <n>', 'the newest of them, at most this many', whole(1, longestList), 1000)
    .action(({ json, ...filter }) => withApp({ json }, (io, app) => auditSearch(io, app, filter)));
}

function addStatsCommand(program: Command, { withApp }: Runner): void {
  command(program, 'stats', 'count sign-ins by day, app, device and country, their length and their ends')
    .option('--since <time>', 'a duration (7d) or a date; whole days in UTC', '30d')
    .action(({ json, since }) => withApp({ json }, (io, app) => stats(io, app, { since })));
}
