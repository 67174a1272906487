import type { ClientRecord } from '../../features/clients/module.ts';
import type { CommandIo } from './io.ts';

/** Tells the operator of clients that are exempt from PKCE: a code that leaks from such a one can be used (RFC 9700 §2.1.1). */
export function warnOfMissingPkce(io: CommandIo, clients: readonly ClientRecord[]): void {
  for (const { clientId, metadata } of clients) {
    if (metadata.require_pkce) continue;
    io.err(`Warning: ${clientId} signs people in without PKCE. Set require_pkce: true as soon as it can do it.\n`);
  }
}
