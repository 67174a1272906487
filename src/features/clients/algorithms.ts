import { z } from 'zod';
import type { ClientRecord, Resource } from './client.ts';

/** What we sign with. `EdDSA` is Ed25519. */
export const signingAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const;
export type SigningAlgorithm = (typeof signingAlgorithms)[number];

export const signingAlg = z.enum(signingAlgorithms);

/** What clients may sign with; `Ed25519` is the name of RFC 9864 for what is mostly called `EdDSA`. */
export const clientSigningAlg = z.enum([...signingAlgorithms, 'Ed25519']);

/** The algorithms that a client wants answers in. */
export const algorithmFields = {
  token_endpoint_auth_signing_alg: clientSigningAlg.optional(),
  id_token_signed_response_alg: signingAlg.default('ES256'),
  userinfo_signed_response_alg: signingAlg.optional(),
};

/** Every algorithm that keys of ours are needed for. */
export function algorithmsAsked(clients: readonly ClientRecord[], resources: readonly Resource[]): Set<string> {
  const ofClients = clients.flatMap(({ metadata }) => [
    metadata.id_token_signed_response_alg,
    metadata.userinfo_signed_response_alg,
  ]);
  return new Set([...ofClients, ...resources.map(({ signingAlg: alg }) => alg)].filter((alg) => alg !== undefined));
}
