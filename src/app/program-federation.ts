import type { Command } from 'commander';
import { providerCheck } from '../features/federation/module.ts';
import { createOutboundFetch } from '../foundation/outbound/fetch.ts';
import { command, type Runner } from './command-runner.ts';
import { federationCheck, federationList, federationShow } from './commands/federation.ts';

/** Adds `postern federation …`. */
export function addFederationCommands(program: Command, { withApp }: Runner): void {
  const federation = program.command('federation').description('other identity providers that people sign in with');
  command(federation, 'list', 'list the providers').action((options) => withApp(options, federationList));
  command(federation, 'show', 'show one, with the redirect URI to register there')
    .argument('<name>', 'what the seed file calls it')
    .action((name: string, options) => withApp(options, (io, app) => federationShow(io, app, { name })));
  command(federation, 'check', 'ask the provider what a sign-in needs, and explain what is wrong')
    .argument('<name>', 'what the seed file calls it')
    .action((name: string, options) =>
      withApp(options, (io, app) => {
        const { issuer } = app.config;
        const check = providerCheck({ ...app, issuer, fetch: createOutboundFetch(app.config) });
        return federationCheck(io, { ...app, check }, { name });
      }),
    );
}
