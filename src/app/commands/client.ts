import { byOperator } from '../../features/audit/module.ts';
import type { ClientEndings, ClientRecord, Clients, NewClient } from '../../features/clients/module.ts';
import { AppError } from '../../foundation/errors.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { warnOfMissingPkce } from './pkce-warning.ts';
import { isoTime, table, writeResult } from './result.ts';

/** What the client commands need. */
export interface ClientCommandApp {
  readonly clients: Clients;
  /** Ends the grants and tokens of a client. */
  readonly endings: ClientEndings;
}

interface OneClient {
  readonly clientId: string;
}

/** A client as commands show it: its metadata, and of its secrets only when they end. */
const asResource = ({ metadata, disabledAt, secrets }: ClientRecord) => ({
  ...metadata,
  disabled: disabledAt !== undefined,
  secrets: secrets.map(({ expiresAt }) => ({ expires_at: expiresAt === undefined ? null : isoTime(expiresAt) })),
});

const asText = (client: ClientRecord): string =>
  Object.entries(asResource(client))
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('\n');

function mustFind(clients: Clients, clientId: string): ClientRecord {
  const client = clients.find(clientId);
  if (client === undefined)
    throw new AppError('client_unknown', 404, `There is no app with the client_id ${clientId}.`);
  return client;
}

/** `postern client list` */
export async function clientList(io: CommandIo, { clients }: ClientCommandApp): Promise<ExitCode> {
  await clients.reload();
  const rows = clients
    .all()
    .map(({ clientId, metadata, disabledAt }) => [
      clientId,
      disabledAt === undefined ? 'enabled' : 'disabled',
      metadata.client_name ?? '',
    ]);
  warnOfMissingPkce(io, clients.all());
  writeResult(io, clients.all().map(asResource), table([['CLIENT_ID', 'STATE', 'NAME'], ...rows]));
  return 0;
}

/** `postern client show ID` */
export async function clientShow(
  io: CommandIo,
  { clients }: ClientCommandApp,
  { clientId }: OneClient,
): Promise<ExitCode> {
  await clients.reload();
  const client = mustFind(clients, clientId);
  warnOfMissingPkce(io, [client]);
  writeResult(io, asResource(client), asText(client));
  return 0;
}

/** `postern client create` */
export async function clientCreate(io: CommandIo, { clients }: ClientCommandApp, args: NewClient): Promise<ExitCode> {
  const { client, clientSecret } = await clients.create(args, byOperator);
  writeSecret(io, client.clientId, clientSecret);
  return 0;
}

/** `postern client rotate-secret ID`; the former secret stays valid for `overlapSeconds`. */
export async function clientRotateSecret(
  io: CommandIo,
  { clients }: ClientCommandApp,
  { clientId, overlapSeconds }: OneClient & { readonly overlapSeconds: number },
): Promise<ExitCode> {
  const { clientSecret } = await clients.rotateSecret(clientId, overlapSeconds, byOperator);
  const former = overlapSeconds > 0 ? `works for another ${overlapSeconds} seconds` : 'no longer works';
  io.err(`The former secret ${former}.\n`);
  writeSecret(io, clientId, clientSecret);
  return 0;
}

/** `postern client disable ID` */
export async function clientDisable(io: CommandIo, app: ClientCommandApp, { clientId }: OneClient): Promise<ExitCode> {
  const done = await app.clients.disable(clientId, byOperator, app.endings);
  io.err(done ? `${clientId} is disabled; its grants and tokens have ended.\n` : `${clientId} was disabled already.\n`);
  return showResource(io, app, clientId);
}

/** `postern client enable ID` */
export async function clientEnable(io: CommandIo, app: ClientCommandApp, { clientId }: OneClient): Promise<ExitCode> {
  const done = await app.clients.enable(clientId, byOperator, app.endings);
  io.err(done ? `${clientId} may be used again; what had ended stays ended.\n` : `${clientId} was enabled already.\n`);
  return showResource(io, app, clientId);
}

function writeSecret(io: CommandIo, clientId: string, clientSecret: string | undefined): void {
  const lines = [`client_id: ${clientId}`, ...(clientSecret === undefined ? [] : [`client_secret: ${clientSecret}`])];
  if (clientSecret !== undefined) io.err('The secret is shown this once: store it where the app finds it.\n');
  writeResult(
    io,
    { client_id: clientId, ...(clientSecret === undefined ? {} : { client_secret: clientSecret }) },
    lines.join('\n'),
  );
}

function showResource(io: CommandIo, { clients }: ClientCommandApp, clientId: string): ExitCode {
  if (io.json) writeResult(io, asResource(mustFind(clients, clientId)), '');
  return 0;
}
