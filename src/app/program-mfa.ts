import type { Command } from 'commander';
import { command, type Runner } from './command-runner.ts';
import { mfaPolicyList } from './commands/mfa-policy.ts';

/** Adds `postern mfa-policy …`. */
export function addMfaCommands(program: Command, { withApp }: Runner): void {
  const policy = program
    .command('mfa-policy')
    .description('how strictly roles and organisations are held to a second factor');
  command(policy, 'list', 'list what holds beside the setting mfa.policy').action((options) =>
    withApp(options, mfaPolicyList),
  );
}
