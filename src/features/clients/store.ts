import type { Clock } from '../../foundation/clock.ts';
import type { Database, Transaction } from '../../foundation/db/database.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { ClientRecord, ClientSecret, Resource, Scope } from './client.ts';
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

function createReads({ database, clock }: Parts): Pick<ClientStore, 'clients' | 'resources'> {
  return {
    async clients() {
      const alive = { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: BigInt(clock.now()) } }] };
      const rows = await database.prisma.client.findMany({
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        include: { secrets: { where: alive, orderBy: { createdAt: 'asc' } } },
      });
      return rows.map((row) => ({
        clientId: row.id,
        metadata: JSON.parse(row.metadata) as ClientMetadata,
        ...(row.disabledAt === null ? {} : { disabledAt: Number(row.disabledAt) }),
        secrets: row.secrets.map(
          ({ hash, expiresAt }): ClientSecret => ({
            hash,
            ...(expiresAt === null ? {} : { expiresAt: Number(expiresAt) }),
          }),
        ),
      }));
    },
    async resources() {
      const rows = await database.prisma.resource.findMany({
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        include: { scopes: true },
      });
      return rows.map(toResource);
    },
  };
}

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

interface ResourceRow {
  readonly id: string;
  readonly accessTokenFormat: string;
  readonly accessTokenTtl: number | null;
  readonly signingAlg: string | null;
  readonly introspectionClients: string;
  readonly scopes: readonly { readonly name: string; readonly description: string }[];
}

/** Compared by code unit: databases sort text each in their own way. */
export const byName = (one: Scope, other: Scope): number => (one.name < other.name ? -1 : 1);

/** Rows are written by this store alone, so their words are known. */
const toResource = (row: ResourceRow): Resource => ({
  identifier: row.id,
  accessTokenFormat: row.accessTokenFormat as Resource['accessTokenFormat'],
  ...(row.accessTokenTtl === null ? {} : { accessTokenTtl: row.accessTokenTtl }),
  ...(row.signingAlg === null ? {} : { signingAlg: row.signingAlg as 'ES256' | 'RS256' }),
  scopes: row.scopes.map(({ name, description }) => ({ name, description })).sort(byName),
  introspectionClients: JSON.parse(row.introspectionClients) as string[],
});
