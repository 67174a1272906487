import { expect, it } from 'vitest';
import type { ClientRecord } from '../clients/module.ts';
import { hasPlainMetadata } from './plain-metadata.ts';

const metadata = {
  client_id: 'app',
  redirect_uris: ['https://app.example/callback'],
  grant_types: ['authorization_code'],
  token_endpoint_auth_method: 'client_secret_basic',
  first_party: false,
};

const record = (more: object = {}) =>
  ({ clientId: 'app', metadata: { ...metadata, ...more }, secrets: [] }) as unknown as ClientRecord;

it.each([{}, { subject_type: 'public' }, { dpop_bound_access_tokens: false }, { tls_client_auth_san_dns: undefined }])(
  'takes %o for plain',
  (more) => {
    expect(hasPlainMetadata(record(more))).toBe(true);
  },
);

it.each([
  { subject_type: 'pairwise' },
  { dpop_bound_access_tokens: true },
  { tls_client_certificate_bound_access_tokens: true },
  { id_token_encrypted_response_alg: 'RSA-OAEP-256' },
  { what_nobody_has_thought_of: false },
])('leaves a client with %o to the library', (more) => {
  const unusual = record(more);
  expect([hasPlainMetadata(unusual), hasPlainMetadata(unusual)]).toEqual([false, false]);
});

it('leaves whoever has no record to the library', () => {
  expect(hasPlainMetadata(undefined)).toBe(false);
});
