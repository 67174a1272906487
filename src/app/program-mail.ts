import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { systemClock } from '../foundation/clock.ts';
import { createIds } from '../foundation/ids.ts';
import { createMailTransport } from '../foundation/mail/transport.ts';
import { systemRandom } from '../foundation/random.ts';
import { createViews } from '../foundation/views/render.ts';
import { commandConfig } from './command-app.ts';
import { command, type Runner } from './command-runner.ts';
import { type MailCommandApp, mailTest } from './commands/mail.ts';

/** Adds `postern mail …`. */
export function addMailCommands(program: Command, { plain }: Runner): void {
  const mail = program.command('mail').description('mails to people');
  command(mail, 'test', 'send a mail and say what the mail server answers')
    .argument('<address>', 'who shall get it')
    .action((to: string, options) => plain(options, (io) => mailTest(io, mailApp(), { to })));
}

const folder = (name: string): string => fileURLToPath(new URL(`../../${name}/`, import.meta.url));

function mailApp(): MailCommandApp {
  const config = commandConfig();
  const { issuer, mail } = config;
  return {
    transport: mail && createMailTransport({ ...config, mail }),
    views: createViews({ viewsDir: folder('views'), publicDir: folder('public'), issuer }),
    now: systemClock.now(),
    messageId: `${createIds(systemClock, systemRandom).next()}@${new URL(issuer).hostname}`,
  };
}
