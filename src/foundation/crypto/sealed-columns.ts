/** A column whose values are sealed by the key ring, bound to the row's `id`. */
export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  /** Whether it also holds values that are no secret and stay plain; `isSealed` tells them apart. */
  readonly mixed: boolean;
}

/**
 * Every encrypted column of the database, registered once. Changing keys walks this list: a column that is missing here
 * would become unreadable when the old key is dropped, so a test compares it with the data model.
 */
export const sealedColumns: readonly SealedColumn[] = [
  { table: 'signing_keys', column: 'private_key', mixed: false },
  { table: 'subject_salts', column: 'salt', mixed: false },
  { table: 'outbox_messages', column: 'body', mixed: false },
  { table: 'totp_factors', column: 'secret', mixed: false },
  { table: 'recovery_codes', column: 'hash', mixed: false },
  { table: 'identity_providers', column: 'client_secret', mixed: false },
  { table: 'federation_attempts', column: 'secret', mixed: false },
  { table: 'federation_attempts', column: 'arrival', mixed: false },
  { table: 'federated_identities', column: 'access_token', mixed: false },
  { table: 'federated_identities', column: 'refresh_token', mixed: false },
  { table: 'federated_sign_ins', column: 'id_token', mixed: false },
  // Sessions, interactions, device codes and pushed requests hold cookie values and codes of others; tokens hold nothing.
  { table: 'artifacts', column: 'payload', mixed: true },
];
