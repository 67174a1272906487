import type { Command } from 'commander';
import type { CommandApp } from './command-app.ts';
import { command, longestList, type Runner, whole } from './command-runner.ts';
import {
  userDisable,
  userEnable,
  userInvite,
  userList,
  userResetFactors,
  userResetLink,
  userShow,
  userSignOut,
  userUnlock,
} from './commands/user.ts';

/** Adds `postern user …`. */
export function addUserCommands(program: Command, { withApp }: Runner): void {
  const user = program.command('user').description('people');
  command(user, 'list', 'list accounts')
    .option('--limit <n>', 'at most this many', whole(1, longestList), 100)
    .action((options) => withApp(options, (io, app) => userList(io, userApp(app), { limit: options.limit })));
  command(user, 'invite', 'print a link with which somebody makes an account')
    .argument('<email>', 'e-mail address')
    .action((email: string, options) => withApp(options, (io, app) => userInvite(io, userApp(app), { email })));
  for (const [name, description, run] of [
    ['show', 'show one account', userShow],
    ['disable', 'refuse a person from now on and end what they hold', userDisable],
    ['enable', 'let a disabled person in again', userEnable],
    ['sign-out', 'end every session of a person', userSignOut],
    ['unlock', 'let a person try again at once who was locked after too many tries', userUnlock],
    ['reset-link', 'print a link with which a person sets a new password', userResetLink],
    ['reset-factors', 'remove every second factor of a person who has lost them', userResetFactors],
  ] as const) {
    command(user, name, description)
      .argument('<email>', 'e-mail address or username')
      .action((login: string, options) => withApp(options, (io, app) => run(io, userApp(app), { login })));
  }
}

const userApp = (app: CommandApp) => ({
  ...app,
  endings: app.endings.ofAccount,
  logoutNotices: app.endings.notices,
});
