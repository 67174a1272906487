import type { ProtocolParts } from '../features/protocol/module.ts';
import { type ClientCertificates, createClientCertificates } from '../foundation/certificates/client-certificates.ts';
import { type Issuers, openIssuers } from '../foundation/certificates/issuers.ts';
import type { Log } from '../foundation/observe/log.ts';
import type { Foundations } from './compose-features.ts';

export interface MutualTls extends Pick<ProtocolParts, 'mtls'> {
  readonly certificates: ClientCertificates;
  readonly issuers: Issuers;
}

/** How clients show certificates. Throws `tls_unusable`. */
export function composeMutualTls({ config, clock, log }: Foundations & { readonly log: Log }): MutualTls {
  const { mtls, trustProxy } = config;
  return {
    certificates: createClientCertificates({ clock, header: mtls?.header, trustProxy }),
    issuers: openIssuers({
      clock,
      file: mtls?.ca,
      onUnusable: (error) => log.error({ err: error }, 'the changed mtls.ca cannot be used; the former one stays'),
    }),
    mtls: { isOffered: mtls !== undefined, hasAuthorities: mtls?.ca !== undefined, url: mtls?.url },
  };
}
