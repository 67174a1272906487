import { type AddressInfo, createServer, type Server } from 'node:net';
import type { AppError } from '../errors.ts';
import { type ObserveErrorCode, observeError } from './errors.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The variables that change host and port, for the remedy. */
  readonly variables: { readonly host: string; readonly port: string };
}

/** The variables of the public port. */
export const publicVariables = { host: 'POSTERN_HOST', port: 'POSTERN_PORT' } as const;

/** The variables of the port that asks for certificates. */
export const mtlsVariables = { host: 'POSTERN_HOST', port: 'POSTERN_MTLS__PORT' } as const;

/** The variables of the management port. */
export const managementVariables = { host: 'POSTERN_MANAGEMENT_HOST', port: 'POSTERN_MANAGEMENT_PORT' } as const;

/** Puts a server behind a port and returns the port. Throws `port_taken`, `port_forbidden`, `address_unusable`. */
export function listen(server: Server, options: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => reject(explain(error, options));
    server.once('error', onError);
    server.listen(options.port, options.host, () => {
      server.removeListener('error', onError);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/**
 * Tries a port before anything is made on the strength of it: a start that is refused must have touched nothing. Throws
 * like `listen`, which may still fail when somebody else takes the port in between.
 */
export async function tryPort(options: ListenOptions): Promise<void> {
  const server = createServer();
  await listen(server, options);
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

function explain(error: NodeJS.ErrnoException, options: ListenOptions): AppError<ObserveErrorCode> {
  const { host, port, variables } = options;
  if (error.code === 'EADDRINUSE') {
    const message = `Port ${port} on ${host} is taken by another program. Stop that one, or set ${variables.port} to a free port.`;
    return observeError('port_taken', message, error);
  }
  if (error.code === 'EACCES') {
    const message = `This user may not listen on port ${port}. Set ${variables.port} to 1024 or more, with a proxy in front.`;
    return observeError('port_forbidden', message, error);
  }
  const message = `The address ${host} cannot be listened on (${error.code}). Set ${variables.host} to an address of this machine, such as 127.0.0.1.`;
  return observeError('address_unusable', message, error);
}
