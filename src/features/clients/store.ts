import type { Clock } from '../../foundation/clock.ts';
import type { Database, Transaction } from '../../foundation/db/database.ts';
import { type Row, statement } from '../../foundation/db/statement.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { SigningAlgorithm } from './algorithms.ts';
import type { ClientRecord, ClientSecret, Resource, Scope } from './client.ts';
import type { DetailType } from './detail-types.ts';
import type { ClientMetadata } from './schema.ts';

export interface ClientStore {
  clients(): Promise<ClientRecord[]>;
  resources(): Promise<Resource[]>;
  insertClient(tx: Transaction, metadata: ClientMetadata): Promise<void>;
  updateClient(tx: Transaction, metadata: ClientMetadata): Promise<void>;
  /** False when it was so already. */
  setDisabled(tx: Transaction, clientId: string, disabled: boolean): Promise<boolean>;
  insertSecret(tx: Transaction, clientId: string, hash: string): Promise<void>;
  /** Lets every secret end by then, or earlier where it did already. */
  endSecretsAt(tx: Transaction, clientId: string, time: number): Promise<void>;
  revokeSecrets(tx: Transaction, clientId: string): Promise<void>;
  putResource(tx: Transaction, resource: Resource): Promise<void>;
}

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: Ids;
}

export const createClientStore = (parts: Parts): ClientStore => ({
  ...createReads(parts),
  ...createClientWrites(parts),
  ...createSecretWrites(parts),
  ...createResourceWrites(parts),
});

interface ClientRow extends Row {
  readonly id: string;
  readonly metadata: string;
  readonly disabled_at: number | null;
}

interface SecretRow extends Row {
  readonly client_id: string;
  readonly hash: string;
  readonly expires_at: number | null;
}

interface ResourceRow extends Row {
  readonly id: string;
  readonly access_token_format: string;
  readonly access_token_ttl: number | null;
  readonly signing_alg: string | null;
  readonly introspection_clients: string;
  readonly detail_types: string | null;
}

interface ScopeRow extends Row {
  readonly resource_id: string;
  readonly name: string;
  readonly description: string;
}

const reads = {
  clients: statement('clients_all', 'SELECT id, metadata, disabled_at FROM clients ORDER BY created_at, id'),
  secrets: statement(
    'client_secrets_alive',
    `SELECT client_id, hash, expires_at FROM client_secrets
     WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?1) ORDER BY created_at, id`,
  ),
  resources: statement(
    'resources_all',
    `SELECT id, access_token_format, access_token_ttl, signing_alg, introspection_clients, detail_types FROM resources
     ORDER BY created_at, id`,
  ),
  scopes: statement('resource_scopes_all', 'SELECT resource_id, name, description FROM resource_scopes'),
};

function createReads({ database, clock }: Parts): Pick<ClientStore, 'clients' | 'resources'> {
  return {
    async clients() {
      const rows = await database.all<ClientRow>(reads.clients, []);
      const secrets = Map.groupBy(await database.all<SecretRow>(reads.secrets, [clock.now()]), (row) => row.client_id);
      return rows.map((row) => ({
        clientId: row.id,
        metadata: JSON.parse(row.metadata) as ClientMetadata,
        ...(row.disabled_at === null ? {} : { disabledAt: row.disabled_at }),
        secrets: (secrets.get(row.id) ?? []).map(toSecret),
      }));
    },
    async resources() {
      const rows = await database.all<ResourceRow>(reads.resources, []);
      const scopes = Map.groupBy(await database.all<ScopeRow>(reads.scopes, []), (row) => row.resource_id);
      return rows.map((row) => toResource(row, scopes.get(row.id) ?? []));
    },
  };
}

const toSecret = ({ hash, expires_at: expiresAt }: SecretRow): ClientSecret => ({
  hash,
  ...(expiresAt === null ? {} : { expiresAt }),
});

function createClientWrites({ clock }: Parts): Pick<ClientStore, 'insertClient' | 'updateClient' | 'setDisabled'> {
  const now = () => BigInt(clock.now());
  return {
    async insertClient(tx, metadata) {
      const data = { id: metadata.client_id, metadata: JSON.stringify(metadata), createdAt: now(), updatedAt: now() };
      await tx.client.create({ data });
    },
    async updateClient(tx, metadata) {
      await tx.client.update({
        where: { id: metadata.client_id },
        data: { metadata: JSON.stringify(metadata), updatedAt: now() },
      });
    },
    async setDisabled(tx, clientId, disabled) {
      const { count } = await tx.client.updateMany({
        where: { id: clientId, disabledAt: disabled ? null : { not: null } },
        data: { disabledAt: disabled ? now() : null, updatedAt: now() },
      });
      return count === 1;
    },
  };
}

function createSecretWrites({
  clock,
  ids,
}: Parts): Pick<ClientStore, 'insertSecret' | 'endSecretsAt' | 'revokeSecrets'> {
  const now = () => BigInt(clock.now());
  return {
    async insertSecret(tx, clientId, hash) {
      await tx.clientSecret.create({ data: { id: ids.next(), clientId, hash, createdAt: now() } });
    },
    async endSecretsAt(tx, clientId, time) {
      await tx.clientSecret.updateMany({
        where: { clientId, revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: BigInt(time) } }] },
        data: { expiresAt: BigInt(time) },
      });
    },
    async revokeSecrets(tx, clientId) {
      await tx.clientSecret.updateMany({ where: { clientId, revokedAt: null }, data: { revokedAt: now() } });
    },
  };
}

function createResourceWrites({ clock, ids }: Parts): Pick<ClientStore, 'putResource'> {
  const now = () => BigInt(clock.now());
  return {
    async putResource(tx, resource) {
      const { identifier, scopes } = resource;
      const fields = {
        accessTokenFormat: resource.accessTokenFormat,
        accessTokenTtl: resource.accessTokenTtl ?? null,
        signingAlg: resource.signingAlg ?? null,
        introspectionClients: JSON.stringify(resource.introspectionClients),
        detailTypes: resource.detailTypes.length === 0 ? null : JSON.stringify(resource.detailTypes),
        updatedAt: now(),
      };
      await tx.resource.upsert({
        where: { id: identifier },
        create: { id: identifier, createdAt: now(), ...fields },
        update: fields,
      });
      await tx.resourceScope.deleteMany({ where: { resourceId: identifier } });
      for (const { name, description } of scopes) {
        await tx.resourceScope.create({ data: { id: ids.next(), resourceId: identifier, name, description } });
      }
    },
  };
}

/** Compared by code unit: databases sort text each in their own way. */
export const byName = (one: Scope, other: Scope): number => (one.name < other.name ? -1 : 1);

/** Rows are written by this store alone, so their words are known. */
const toResource = (row: ResourceRow, scopes: readonly ScopeRow[]): Resource => ({
  identifier: row.id,
  accessTokenFormat: row.access_token_format as Resource['accessTokenFormat'],
  ...(row.access_token_ttl === null ? {} : { accessTokenTtl: row.access_token_ttl }),
  ...(row.signing_alg === null ? {} : { signingAlg: row.signing_alg as SigningAlgorithm }),
  scopes: scopes.map(({ name, description }) => ({ name, description })).sort(byName),
  introspectionClients: JSON.parse(row.introspection_clients) as string[],
  detailTypes: row.detail_types === null ? [] : (JSON.parse(row.detail_types) as DetailType[]),
});
