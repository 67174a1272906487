import type { Configuration } from 'oidc-provider';

const ours = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const;
const theirs = [...ours, 'Ed25519'] as const;

const encryptions = ['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW', 'RSA-OAEP-256'] as const;
const contentEncryptions = ['A128CBC-HS256', 'A256CBC-HS512', 'A128GCM', 'A256GCM'] as const;

/**
 * The algorithms that are taken and given; of ours those count that there is a key for. No `none`, no HS256: neither can
 * be checked by somebody who does not hold our secret.
 */
export const enabledJWA = {
  idTokenSigningAlgValues: [...ours],
  userinfoSigningAlgValues: [...ours],
  clientAuthSigningAlgValues: [...theirs],
  dPoPSigningAlgValues: ['ES256', 'PS256', 'EdDSA', 'Ed25519'],
  requestObjectSigningAlgValues: [...theirs],
  requestObjectEncryptionAlgValues: [...encryptions],
  requestObjectEncryptionEncValues: [...contentEncryptions],
} as NonNullable<Configuration['enabledJWA']>;
