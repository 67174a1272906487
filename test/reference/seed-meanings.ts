/** What the fields of a seed file mean. A test holds these lists against the schemas. */
export const userMeanings: Readonly<Record<string, string>> = {
  email: 'The address, and what people sign in with. Needed.',
  email_verified: 'Whether somebody made sure that the address is theirs.',
  username: 'Another name to sign in with; no spaces, no `@`.',
  password: 'Set when the account is created; the policy of the settings applies.',
  password_hash: 'Instead of `password`: an Argon2id hash in PHC form, brought from elsewhere.',
  disabled: '`true` disables and signs out everywhere; `false` opens nothing.',
  roles: '`super-admin` may connect apps.',
  claims: 'What apps may be told, see below.',
};

export const claimMeanings: Readonly<Record<string, string>> = {
  name: 'Full name.',
  given_name: 'Given name.',
  family_name: 'Family name.',
  middle_name: 'Middle name.',
  nickname: 'What people call them.',
  preferred_username: 'How they want to be referred to; the username where absent.',
  profile: 'Page about them.',
  picture: 'Picture of them.',
  website: 'Their website.',
  gender: 'As they put it.',
  birthdate: '`YYYY-MM-DD` or `YYYY`.',
  zoneinfo: 'Time zone, such as `Europe/Berlin`.',
  locale: 'Language, such as `en-GB`.',
  phone_number: 'With country code.',
  phone_number_verified: 'Whether somebody made sure that the number is theirs.',
  address: '`formatted`, `street_address`, `locality`, `region`, `postal_code`, `country`.',
};

export const resourceMeanings: Readonly<Record<string, string>> = {
  identifier: 'An absolute URI without fragment: the `aud` of its tokens. Needed.',
  access_token_format: '`jwt` is checked by the API itself (RFC 9068), `opaque` by asking Postern (RFC 7662). Needed.',
  access_token_ttl: 'Seconds; `lifetimes.accessToken` where absent.',
  signing_alg: 'Of JWT access tokens; `ES256` where absent.',
  scopes: '`{ name, description }`; the description is the sentence that people read when they are asked.',
  introspection_clients: 'Clients that may ask about its tokens: the API itself, as a client.',
  authorization_details:
    'Single things that clients may ask for, such as one payment (RFC 9396): `{ type, description, schema }`, see [relying apps](../relying-apps.md#ask-for-one-thing-authorization-details).',
};

export const clientMeanings: Readonly<Record<string, string>> = {
  client_id: 'Its name in the protocol; visible ASCII without spaces. Needed in a seed file.',
  client_name: 'What people see.',
  client_uri: 'Its home page.',
  logo_uri: 'Its logo.',
  policy_uri: 'Its privacy policy, linked from the consent page.',
  tos_uri: 'Its terms, linked from the consent page.',
  contacts: 'E-mail addresses of those who run it.',
  application_type: '`native` for apps on a device: schemes of their own, any port on loopback, no secret (RFC 8252).',
  redirect_uris: 'Where answers may go; compared character by character.',
  post_logout_redirect_uris: 'Where people may be sent after signing out.',
  backchannel_logout_uri: 'Told by POST when a session that it takes part in ends.',
  backchannel_logout_session_required: 'Whether it needs `sid` in that notice.',
  backchannel_token_delivery_mode: 'CIBA: `poll` (default) asks until the person has decided, `ping` is told.',
  backchannel_client_notification_endpoint: 'Where it is told, for `ping`.',
  initiate_login_uri: 'Where a sign-in can be started from outside.',
  grant_types: 'What it may do at the token endpoint.',
  response_types:
    'What the authorization endpoint may answer with; `code` where `grant_types` has authorization_code. The others hand tokens through the address bar: for old apps that can do no better.',
  response_modes: 'How answers may reach it; all where absent.',
  token_endpoint_auth_method: 'How it proves who it is; `none` is a public client.',
  token_endpoint_auth_signing_alg: 'The only algorithm that its assertions may use.',
  jwks_uri: 'Where it publishes its public keys, instead of `jwks`: it may change them without telling us.',
  jwks: 'Its public keys by value, for `private_key_jwt`, signed requests, and what is encrypted to it; with their certificates (`x5c`) for `self_signed_tls_client_auth`.',
  scope: 'Scopes that it may ask for, with a space between. Where absent: all standard ones.',
  id_token_signed_response_alg:
    'What its ID tokens are signed with: `RS256` for libraries that know no ES256. A key of another algorithm is made when a client first names it.',
  id_token_encrypted_response_alg: 'Encrypts its ID tokens, and logout tokens, to a key of its own.',
  id_token_encrypted_response_enc: 'How their content is encrypted; `A128CBC-HS256` where absent.',
  userinfo_signed_response_alg: 'Answers `/userinfo` as a signed JWT.',
  userinfo_encrypted_response_alg: 'Encrypts that JWT to a key of its own.',
  userinfo_encrypted_response_enc: 'How its content is encrypted; `A128CBC-HS256` where absent.',
  authorization_signed_response_alg: 'What signs answers by `jwt` response modes (JARM); `ES256` where absent.',
  authorization_encrypted_response_alg: 'Encrypts those answers to a key of its own.',
  authorization_encrypted_response_enc: 'How their content is encrypted; `A128CBC-HS256` where absent.',
  introspection_signed_response_alg:
    'What signs introspection answers, for which it asks by `Accept` (RFC 9701); `ES256` where absent.',
  introspection_encrypted_response_alg: 'Encrypts those answers to a key of its own, and refuses to give plain ones.',
  introspection_encrypted_response_enc: 'How their content is encrypted; `A128CBC-HS256` where absent.',
  subject_type:
    '`pairwise`: its people have another `sub` than at apps of other sectors. Changed, everybody is somebody else to it.',
  sector_identifier_uri:
    'Where the redirect URIs of a sector are listed, as JSON: apps listed there know a person by one `sub`. Their host, where absent.',
  default_max_age: 'Seconds after which people sign in again for this app.',
  default_acr_values: 'What it asks for when it names no `acr_values`.',
  require_auth_time: 'Puts `auth_time` into every ID token.',
  request_object_signing_alg: 'The only algorithm that its signed requests may use (RFC 9101).',
  request_object_encryption_alg: 'What its requests are encrypted with, to a key of ours that is made for it.',
  request_object_encryption_enc: 'How their content is encrypted.',
  require_signed_request_object: 'Refuses authorization requests that are not signed.',
  request_uris:
    'Where its request objects may be fetched from, by https; a fragment is the SHA-256 of what is there. None where absent.',
  require_pushed_authorization_requests: 'Refuses authorization requests that were not pushed (RFC 9126).',
  dpop_bound_access_tokens:
    'Refuses token requests without a DPoP proof (RFC 9449): its tokens are bound to a key of its own.',
  tls_client_auth_subject_dn:
    'For `tls_client_auth`, one of the five: the subject of its certificates, as RFC 4514 writes it (`CN=billing,O=Example`), to the letter.',
  tls_client_auth_san_dns: 'A host name in its certificates; a wildcard stands for itself alone.',
  tls_client_auth_san_uri: 'An address in its certificates, such as a SPIFFE id.',
  tls_client_auth_san_ip: 'An IP address in its certificates.',
  tls_client_auth_san_email: 'An e-mail address in its certificates.',
  tls_client_certificate_bound_access_tokens:
    'Refuses token requests without a certificate (RFC 8705): its tokens are good only along with that one.',
  profile:
    '`fapi2` holds it to the FAPI 2.0 Security Profile: pushed requests, a key instead of a secret, bound tokens, no rotation of refresh tokens; what the profile forbids is refused.',
  first_party: 'An app of your own: people are not asked for consent.',
  require_pkce: '`false` only for old clients that authenticate; every other one is refused without PKCE S256.',
  resources: 'APIs that it may use with all their scopes.',
  authorization_details_types: 'Kinds of authorization details that it may ask for (RFC 9396); none where absent.',
  identity_providers:
    'Names of the other providers that its people may use; all where absent. With one, they go there at once.',
  upstream_tokens:
    'Names of other providers whose tokens it may fetch for a person who has agreed, by the scope `upstream_tokens:NAME`; none where absent.',
  refresh_grace_seconds:
    'Instead of `refresh.graceSeconds`; 0 for high assurance: one use wins, and a later one ends the family.',
  access_token_ttl: 'Seconds, instead of `lifetimes.accessToken`; for an API that has its own, the shorter one.',
  id_token_ttl: 'Seconds, instead of `lifetimes.idToken`.',
  refresh_token_idle_ttl: 'Seconds, instead of `lifetimes.refreshTokenIdle`.',
  refresh_token_absolute_ttl: 'Seconds, instead of `lifetimes.refreshTokenAbsolute`.',
  allowed_users:
    'Who may use it, by verified e-mail address or id; together with `allowed_roles`, whoever one of them names. Everybody where both are absent, nobody by an empty list.',
  allowed_roles: 'Roles whose people may use it.',
  client_secret: 'At least 32 characters; one is made where absent. Only its hash is kept.',
  disabled: '`true` disables and ends what it holds; `false` opens nothing.',
};

export const providerMeanings: Readonly<Record<string, string>> = {
  name: 'What it is called in addresses and commands: lower case letters, digits and hyphens. Needed.',
  type: 'A preset (`google`, `microsoft`, `apple`, `gitlab`, `github`, `discord`, `spotify`), or `oidc` or `oauth2` for any other. Needed.',
  title: 'What its button says; the preset has one.',
  issuer:
    'Whose subjects they are: found by discovery for OpenID Connect. The preset has one; another for an own installation.',
  tenant: 'Of `microsoft`: `common` (where absent), `organizations`, `consumers`, or one tenant’s id or domain.',
  endpoints:
    'Of `oauth2`: `authorization`, `token`, and `userinfo`, which says who an access token is for; `revocation`, where it takes tokens back (RFC 7009).',
  client_id: 'What the provider calls this server. Needed.',
  client_secret:
    'What the provider gave for it; for `apple` the private key (the text of the .p8 file). Kept encrypted, set at creation.',
  token_auth: '`client_secret_basic` or `client_secret_post`, where the provider says it wrong.',
  apple: 'Of `apple`: `team_id` and `key_id`.',
  scopes: 'What is asked for, as a list or with spaces between; the preset has them.',
  parameters: 'More parameters of the authorization request, by name.',
  mapping:
    'Where a claim is found in what the provider says: a path (`user.name`, `groups[*].id`) or a template (`{first} {last}`).',
  policy: 'Who is let in, and as whom; see below.',
  domains:
    'E-mail domains whose people are sent here: with a `login_hint`, or an address and no password on the sign-in page.',
  disabled: '`true` takes its button away.',
};

export const policyMeanings: Readonly<Record<string, string>> = {
  create:
    'Whether whoever arrives for the first time, with an address that is verified, gets an account (as `registration.mode` has it).',
  link: 'Whether an account with that address may be connected, once its person has proved it (`true`).',
  trust_email:
    'Whether every address counts as verified (`false`): only where you answer for all of them. Refused for tenants that anybody may be in.',
  mfa: '`own` asks for our second factor as usual; `trust` takes the provider’s `mfa` in `amr` for one.',
  mfa_acr: 'Values of `acr` that stand for two factors as well, with `trust`.',
  reauthentication:
    '`prove`: where an app wants somebody to sign in anew and the provider does not say when they did, our own proof is asked for. `trust` takes its word.',
  logout:
    '`here`: a sign-out here leaves people signed in at the provider. `everywhere`: it takes them there too, where its metadata has `end_session_endpoint`.',
  tokens: '`keep` stores the provider’s tokens, encrypted, for apps that may have them; nothing is kept where absent.',
  claims: 'When claims are taken over: at the `first` sign-in, or `always`. An address never is.',
  require:
    'Whom the provider must say that somebody is: `hd` (Google), `tid` (Microsoft), `organizations` and `teams` (GitHub), `domains` (of a verified address). All that is named has to be met.',
};

export const mfaPolicyMeanings: Readonly<Record<string, string>> = {
  role: 'Whose people: a role. Needed, unless `organisation` is given.',
  organisation: 'Whose people: an organisation, in lower case letters, digits and hyphens.',
  policy: 'As the setting `mfa.policy`; `off` and whatever is milder than the setting change nothing. Needed.',
};
