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
  authorizationSigningAlgValues: [...ours],
  introspectionSigningAlgValues: [...ours],
  clientAuthSigningAlgValues: [...theirs],
  dPoPSigningAlgValues: ['ES256', 'PS256', 'EdDSA', 'Ed25519'],
  requestObjectSigningAlgValues: [...theirs],
  ...Object.fromEntries(
    ['requestObject', 'idToken', 'userinfo', 'authorization', 'introspection'].flatMap((what) => [
      [`${what}EncryptionAlgValues`, [...encryptions]],
      [`${what}EncryptionEncValues`, [...contentEncryptions]],
    ]),
  ),
} as NonNullable<Configuration['enabledJWA']>;

/** What clients are answered with who name no algorithm. */
export const signedByDefault = {
  id_token_signed_response_alg: 'ES256',
  authorization_signed_response_alg: 'ES256',
  introspection_signed_response_alg: 'ES256',
} as const;
