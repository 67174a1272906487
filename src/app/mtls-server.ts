import type { RequestListener, Server, ServerOptions } from 'node:http';
import type { ClientCertificates } from '../foundation/certificates/client-certificates.ts';
import type { Config } from '../foundation/config/schema.ts';
import type { Log } from '../foundation/observe/log.ts';
import { createTlsServer } from './tls-server.ts';

export interface MtlsServerParts {
  readonly config: Pick<Config, 'mtls'>;
  readonly limits: ServerOptions;
  readonly certificates: Pick<ClientCertificates, 'atPort'>;
  readonly listener: RequestListener;
  readonly log: Log;
}

/**
 * The port that asks its callers for a certificate, where one is configured. It takes whatever they show, and none: whose
 * a certificate is, the protocol finds out (RFC 8705 §6.3). Throws `tls_unusable`.
 */
export function createMtlsServer({ config, limits, certificates, listener, log }: MtlsServerParts): Server | undefined {
  const tls = config.mtls?.port;
  if (tls === undefined) return undefined;
  const variables = ['POSTERN_MTLS__CERT', 'POSTERN_MTLS__KEY'] as const;
  return createTlsServer({
    tls,
    limits,
    listener: certificates.atPort(listener),
    log,
    variables,
    asksForCertificate: true,
  });
}
