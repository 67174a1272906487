import { readFileSync } from 'node:fs';
import type { RequestListener, Server, ServerOptions } from 'node:http';
import { createServer } from 'node:https';
import type { Config } from '../foundation/config/schema.ts';
import { AppError } from '../foundation/errors.ts';
import { followFile } from '../foundation/follow-file.ts';
import type { Log } from '../foundation/observe/log.ts';

export interface TlsServerParts {
  readonly tls: NonNullable<Config['tls']>;
  readonly limits: ServerOptions;
  readonly listener: RequestListener;
  readonly log: Log;
}

/**
 * An https server whose certificate is read again when its file changes: renewal needs no restart, and a broken renewal
 * keeps the former one. Throws `tls_unusable`.
 */
export function createTlsServer({ tls, limits, listener, log }: TlsServerParts): Server {
  const renew = (): void => {
    try {
      server.setSecureContext(read(tls));
      log.info({}, 'the certificate was read again');
    } catch (error) {
      log.error({ err: error }, 'the changed certificate cannot be used; the former one stays');
    }
  };
  const unfollow = [tls.cert, tls.key].map((file) => followFile(file, renew));
  const server = openServer(tls, limits, listener);
  server.on('close', () => {
    for (const end of unfollow) end();
  });
  return server as unknown as Server;
}

const read = ({ cert, key }: TlsServerParts['tls']) => ({
  cert: readFileSync(cert),
  key: readFileSync(key),
  minVersion: 'TLSv1.2' as const,
});

function openServer(tls: TlsServerParts['tls'], limits: ServerOptions, listener: RequestListener) {
  try {
    return createServer({ ...limits, ...read(tls) }, listener);
  } catch (cause) {
    const message = `The certificate cannot be used: ${(cause as Error).message}. Check POSTERN_TLS__CERT and POSTERN_TLS__KEY.`;
    throw new AppError('tls_unusable', 500, message, { cause });
  }
}
