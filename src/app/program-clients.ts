import type { Command } from 'commander';
import type { NewClient } from '../features/clients/module.ts';
import type { CommandApp } from './command-app.ts';
import { command, type Runner, whole } from './command-runner.ts';
import {
  clientCreate,
  clientDisable,
  clientEnable,
  clientList,
  clientRotateSecret,
  clientShow,
} from './commands/client.ts';

/** A year, in seconds: a former secret that works for longer is no rotation. */
const longestOverlap = 365 * 24 * 3600;

/** Adds `postern client …`. */
export function addClientCommands(program: Command, { withApp }: Runner): void {
  const client = program.command('client').description('relying apps and services');
  command(client, 'list', 'list clients').action((options) =>
    withApp(options, (io, app) => clientList(io, clientApp(app))),
  );
  addCreate(client, { withApp });
  command(client, 'rotate-secret', 'give a client another secret; prints it, once')
    .argument('<id>', 'the client_id')
    .option('--overlap <seconds>', 'how long the former secret still works', whole(0, longestOverlap), 0)
    .action((clientId: string, options) => {
      const args = { clientId, overlapSeconds: options.overlap };
      return withApp(options, (io, app) => clientRotateSecret(io, clientApp(app), args));
    });
  for (const [name, description, run] of [
    ['show', 'show one client', clientShow],
    ['disable', 'refuse a client from now on and end what it holds', clientDisable],
    ['enable', 'let a disabled client in again', clientEnable],
  ] as const) {
    command(client, name, description)
      .argument('<id>', 'the client_id')
      .action((clientId: string, options) => withApp(options, (io, app) => run(io, clientApp(app), { clientId })));
  }
}

function addCreate(client: Command, { withApp }: Pick<Runner, 'withApp'>): void {
  command(client, 'create', 'register a client; prints its id and its secret, once')
    .argument('[id]', 'the client_id; one is made without it')
    .option('--name <name>', 'what people see')
    .option('--redirect-uri <uri...>', 'where answers may go; several are possible')
    .option('--grant-type <type...>', 'what it may do at the token endpoint')
    .option('--scope <scopes>', 'with a space between')
    .option('--resource <identifier...>', 'APIs that it may use with all their scopes')
    .option('--public', 'a client that can keep no secret')
    .option('--first-party', 'never ask people for consent')
    .action((id: string | undefined, options) =>
      withApp(options, (io, app) => clientCreate(io, clientApp(app), newClient(id, options))),
    );
}

const clientApp = (app: CommandApp) => ({ ...app, endings: app.endings.ofClient });

interface NewClientOptions {
  readonly name?: string;
  readonly redirectUri?: string[];
  readonly grantType?: string[];
  readonly scope?: string;
  readonly resource?: string[];
  readonly public?: boolean;
  readonly firstParty?: boolean;
}

/** What was typed, in the names of RFC 7591; the room that owns clients says what is wrong with it. */
function newClient(id: string | undefined, options: NewClientOptions): NewClient {
  const defaultGrants = options.redirectUri ? ['authorization_code', 'refresh_token'] : ['client_credentials'];
  return {
    ...(id === undefined ? {} : { client_id: id }),
    ...(options.name === undefined ? {} : { client_name: options.name }),
    redirect_uris: options.redirectUri ?? [],
    grant_types: (options.grantType ?? defaultGrants) as NonNullable<NewClient['grant_types']>,
    ...(options.scope === undefined ? {} : { scope: options.scope }),
    resources: options.resource ?? [],
    ...(options.public ? { token_endpoint_auth_method: 'none' as const } : {}),
    first_party: options.firstParty === true,
  };
}
