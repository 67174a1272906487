import type { ClientRecord } from '../clients/module.ts';

/** Of what a client's metadata may say anything without an answer of the short ways being another one. */
const indifferent: ReadonlySet<string> = new Set([
  'client_id',
  'client_name',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'contacts',
  'application_type',
  'redirect_uris',
  'post_logout_redirect_uris',
  'backchannel_logout_uri',
  'backchannel_logout_session_required',
  'initiate_login_uri',
  'grant_types',
  'response_types',
  'response_modes',
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'jwks',
  'jwks_uri',
  'scope',
  'id_token_signed_response_alg',
  'userinfo_signed_response_alg',
  'default_max_age',
  'default_acr_values',
  'require_auth_time',
  'require_pushed_authorization_requests',
  'first_party',
  'require_pkce',
  'resources',
  'identity_providers',
  'upstream_tokens',
  'refresh_grace_seconds',
]);

/** What leaves an answer as it is at this value alone. */
const ordinary: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['subject_type', 'public'],
  ['dpop_bound_access_tokens', false],
]);

const judged = new WeakMap<ClientRecord, boolean>();

/**
 * Whether the short ways know everything that a client is registered with. What they are not written for, and whatever is
 * added to clients later, sends it the library's way: a list of exceptions would have to be remembered with each addition.
 */
export function hasPlainMetadata(record: ClientRecord | undefined): boolean {
  if (record === undefined) return false;
  const known = judged.get(record);
  if (known !== undefined) return known;
  const isPlain = Object.entries(record.metadata).every(
    ([name, value]) =>
      value === undefined || indifferent.has(name) || (ordinary.has(name) && ordinary.get(name) === value),
  );
  judged.set(record, isPlain);
  return isPlain;
}
