import { z } from 'zod';
import type { ClientRecord, Resource } from './client.ts';

/** What we sign with. `EdDSA` is Ed25519. */
export const signingAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const;
export type SigningAlgorithm = (typeof signingAlgorithms)[number];

export const signingAlg = z.enum(signingAlgorithms);

/** What clients may sign with; `Ed25519` is the name of RFC 9864 for what is mostly called `EdDSA`. */
export const clientSigningAlg = z.enum([...signingAlgorithms, 'Ed25519']);

/** What is encrypted with: by elliptic curves, or by RSA for libraries that have no other. RSA1_5 can be broken by asking. */
const encryptionAlg = z.enum(['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW', 'RSA-OAEP-256']);
const contentEncryption = z.enum(['A128CBC-HS256', 'A256CBC-HS512', 'A128GCM', 'A256GCM']);

/** The algorithms of what a client signs or encrypts, and of what it is answered. */
export const algorithmFields = {
  token_endpoint_auth_signing_alg: clientSigningAlg.optional(),
  id_token_signed_response_alg: signingAlg.default('ES256'),
  id_token_encrypted_response_alg: encryptionAlg.optional(),
  id_token_encrypted_response_enc: contentEncryption.optional(),
  userinfo_signed_response_alg: signingAlg.optional(),
  userinfo_encrypted_response_alg: encryptionAlg.optional(),
  userinfo_encrypted_response_enc: contentEncryption.optional(),
  authorization_signed_response_alg: signingAlg.optional(),
  authorization_encrypted_response_alg: encryptionAlg.optional(),
  authorization_encrypted_response_enc: contentEncryption.optional(),
  introspection_signed_response_alg: signingAlg.optional(),
  introspection_encrypted_response_alg: encryptionAlg.optional(),
  introspection_encrypted_response_enc: contentEncryption.optional(),
  request_object_signing_alg: clientSigningAlg.optional(),
  request_object_encryption_alg: encryptionAlg.optional(),
  request_object_encryption_enc: contentEncryption.optional(),
};

type AlgorithmField = keyof typeof algorithmFields;
type Asked = Readonly<Partial<Record<AlgorithmField, string | undefined>>>;

/** How the key of what a client is answered is encrypted: to a key of the client's. */
export const answerEncryptions = [
  'id_token_encrypted_response_alg',
  'userinfo_encrypted_response_alg',
  'authorization_encrypted_response_alg',
  'introspection_encrypted_response_alg',
] as const;

/** What says nothing without another: how content is encrypted without how its key is, and userinfo that nobody signed. */
const pairs: readonly (readonly [AlgorithmField, AlgorithmField])[] = [
  ...([...answerEncryptions, 'request_object_encryption_alg'] as const).map(
    (alg) => [alg.replace(/alg$/, 'enc') as AlgorithmField, alg] as const,
  ),
  ['userinfo_encrypted_response_alg', 'userinfo_signed_response_alg'],
];

/** What does not go together of what is encrypted. */
export const encryptionProblems = (client: Asked): [AlgorithmField, string][] =>
  pairs
    .filter(([field, other]) => client[field] !== undefined && client[other] === undefined)
    .map(([field, other]) => [field, `needs ${other}`]);

/** The key of ours that one form of encryption needs: all of ECDH-ES share one. */
const keyFor = (alg: string | undefined): string | undefined => alg?.replace(/\+.*$/, '');

/** Every algorithm that keys of ours are needed for. */
export function algorithmsAsked(clients: readonly ClientRecord[], resources: readonly Resource[]): Set<string> {
  const ofClients = clients.flatMap(({ metadata }) => [
    metadata.id_token_signed_response_alg,
    metadata.userinfo_signed_response_alg,
    metadata.authorization_signed_response_alg,
    metadata.introspection_signed_response_alg,
    keyFor(metadata.request_object_encryption_alg),
  ]);
  return new Set([...ofClients, ...resources.map(({ signingAlg: alg }) => alg)].filter((alg) => alg !== undefined));
}
