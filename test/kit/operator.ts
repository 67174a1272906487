import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RelyingApp, send } from './relying-app.ts';
import { type TemporaryFolder, temporaryFolder } from './services/folder.ts';
import { type Outcome, type Postern, type PosternOptions, runCommand, startPostern } from './services/process.ts';
import { until } from './until.ts';

/** What `postern apply` takes; checked by the product, not here. */
export type Seed = Readonly<Record<string, unknown>>;

/** An operator at the terminal beside the built server. */
export interface Operator {
  readonly server: Postern;
  /** A folder for files of the operator's. */
  readonly folder: string;
  /** Runs a command, however it ends. */
  run(...args: string[]): Promise<Outcome>;
  /** Runs a command with `--json` and reads its result. Throws what it wrote when it fails. */
  json<T = Record<string, unknown>>(...args: string[]): Promise<T>;
  /** Writes a file of this name and returns its path. */
  file(name: string, content: string | Buffer): string;
  /** Brings the server to what the seed says. Throws what the command wrote when it fails. */
  apply(seed: Seed, ...flags: string[]): Promise<void>;
  close(): Promise<void>;
}

/** Starts the built server with an operator beside it. */
export async function openOperator(options: PosternOptions = {}): Promise<Operator> {
  const scratch = temporaryFolder('operator');
  return operatorOf(await startPostern(options), scratch);
}

function operatorOf(server: Postern, { path: folder, remove }: TemporaryFolder): Operator {
  const run = (...args: string[]) => runCommand(args, { env: server.env });
  const succeed = async (...args: string[]): Promise<Outcome> => {
    const outcome = await run(...args);
    if (outcome.code !== 0) throw new Error(`postern ${args.join(' ')} ended with ${outcome.code}:\n${outcome.stderr}`);
    return outcome;
  };
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  return {
    server,
    folder,
    run,
    file,
    json: async <T>(...args: string[]) => JSON.parse((await succeed(...args, '--json')).stdout) as T,
    apply: async (seed, ...flags) =>
      void (await succeed('apply', '-f', file('seed.json', JSON.stringify(seed)), ...flags)),
    async close() {
      await server.stop();
      remove();
    },
  };
}

/** A client of the built server as an app that knows its credentials. */
export const appOf = (server: Pick<Postern, 'url'>, clientId: string, clientSecret: string): RelyingApp =>
  new RelyingApp(server.url, { clientId, clientSecret });

/** The status of one token request by client credentials. */
export const tokenStatus = async (app: RelyingApp): Promise<number> =>
  (await app.token({ grant_type: 'client_credentials' })).status;

/** Waits until the server has heard of the client. */
export const untilServed = (app: RelyingApp): Promise<number> =>
  until(`${app.credentials.clientId} is served`, async () => (await tokenStatus(app)) === 200);

/** The key ids that the server publishes. */
export async function publishedKids(server: Pick<Postern, 'url'>): Promise<string[]> {
  const { body } = await send(`${server.url}/jwks`);
  return (body['keys'] as { kid: string }[]).map(({ kid }) => kid);
}
