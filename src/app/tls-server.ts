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
  /** The variables of certificate and key, for the remedy. */
  readonly variables: readonly [cert: string, key: string];
  /** Whether callers are asked for a certificate of theirs. */
  readonly asksForCertificate: boolean;
  readonly listener: RequestListener;
  readonly log: Log;
}

/**
 * An https server whose certificate is read again when its file changes: renewal needs no restart, and a broken renewal
 * keeps the former one. Throws `tls_unusable`.
 */
export function createTlsServer(parts: TlsServerParts): Server {
  const { tls, log } = parts;
  const renew = (): void => {
    try {
      server.setSecureContext(read(tls));
      log.info({}, 'the certificate was read again');
    } catch (error) {
      log.error({ err: error }, 'the changed certificate cannot be used; the former one stays');
    }
  };
  const unfollow = [tls.cert, tls.key].map((file) => followFile(file, renew));
  const server = openServer(parts);
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

/** What callers show is taken as it is: what Node thinks of it (`authorized`) goes by public authorities, and counts nowhere. */
const asking = { requestCert: true, rejectUnauthorized: false };

function openServer({ tls, limits, listener, variables, asksForCertificate }: TlsServerParts) {
  try {
    return createServer({ ...limits, ...read(tls), ...(asksForCertificate ? asking : {}) }, listener);
  } catch (cause) {
    const message = `The certificate cannot be used: ${(cause as Error).message}. Check ${variables.join(' and ')}.`;
    throw new AppError('tls_unusable', 500, message, { cause });
  }
}
