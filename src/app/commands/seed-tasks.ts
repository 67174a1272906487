import { byOperator } from '../../features/audit/module.ts';
import type { ClientEndings, Clients } from '../../features/clients/module.ts';
import type { Providers } from '../../features/federation/module.ts';
import type { Mfa } from '../../features/mfa/module.ts';
import type { Passwords } from '../../features/passwords/module.ts';
import type { SettingsModule } from '../../features/settings/module.ts';
import type { AccountEndings, Alongside, User, Users } from '../../features/users/module.ts';
import type { Seed, SeedClient, SeedMfaPolicy, SeedProvider, SeedResource, SeedUser } from './seed-schema.ts';

/** What applying a seed needs. */
export interface SeedApp {
  readonly settings: SettingsModule;
  readonly users: Users;
  readonly passwords: Passwords;
  readonly clients: Clients;
  readonly providers: Providers;
  readonly mfa: Pick<Mfa, 'policies'>;
  readonly accountEndings: AccountEndings;
  readonly clientEndings: ClientEndings;
}

/** What applying one entry of a seed changed, or would change. */
export interface SeedChange {
  readonly kind: 'settings' | 'mfa_policy' | 'resource' | 'user' | 'client' | 'provider';
  readonly name: string;
  readonly action: 'create' | 'update';
  /** The names of what changed; empty for something new. */
  readonly fields: readonly string[];
  /** A secret that was made because the seed gives none; told this once. */
  readonly client_secret?: string;
}

/** One entry of a seed. Both give undefined when there is nothing to do. */
export interface SeedTask {
  preview(): Promise<SeedChange | undefined>;
  run(): Promise<SeedChange | undefined>;
}

/** The entries in the order in which they can be applied: what is referred to comes first. */
export function seedTasks(app: SeedApp, seed: Seed, resetCredentials: boolean): SeedTask[] {
  return [
    settingsTask(app, seed.settings),
    ...seed.mfa_policies.map((policy) => mfaPolicyTask(app, policy)),
    ...seed.resources.map((resource) => resourceTask(app, resource)),
    ...seed.users.map((user) => userTask(app, user, resetCredentials)),
    ...seed.providers.map((provider) => providerTask(app, provider, resetCredentials)),
    ...seed.clients.map((client) => clientTask(app, client, resetCredentials)),
  ];
}

const updated = (kind: SeedChange['kind'], name: string, fields: readonly string[]): SeedChange | undefined =>
  fields.length === 0 ? undefined : { kind, name, action: 'update', fields };

const created = (kind: SeedChange['kind'], name: string): SeedChange => ({ kind, name, action: 'create', fields: [] });

function settingsTask({ settings }: SeedApp, wanted: Seed['settings']): SeedTask {
  return {
    preview: async () => updated('settings', 'settings', settings.preview(wanted)),
    run: async () => updated('settings', 'settings', await settings.set(wanted, byOperator)),
  };
}

function mfaPolicyTask({ mfa }: SeedApp, wanted: SeedMfaPolicy): SeedTask {
  const name = wanted.role === undefined ? `organisation ${wanted.organisation}` : `role ${wanted.role}`;
  const change = (done: ReturnType<Mfa['policies']['preview']>) =>
    done === 'created' ? created('mfa_policy', name) : updated('mfa_policy', name, done ? ['policy'] : []);
  return {
    preview: async () => change(mfa.policies.preview(wanted)),
    run: async () => change(await mfa.policies.upsert(wanted, byOperator)),
  };
}

function resourceTask({ clients }: SeedApp, resource: SeedResource): SeedTask {
  const change = (isNew: boolean, fields: string[]) =>
    isNew ? created('resource', resource.identifier) : updated('resource', resource.identifier, fields);
  const isNew = () => clients.findResource(resource.identifier) === undefined;
  return {
    preview: async () => change(isNew(), clients.previewResource(resource)),
    async run() {
      const before = isNew();
      return change(before, await clients.upsertResource(resource, byOperator));
    },
  };
}

function providerTask({ providers }: SeedApp, provider: SeedProvider, resetSecret: boolean): SeedTask {
  const { name } = provider;
  const change = (isNew: boolean, fields: string[]) =>
    isNew ? created('provider', name) : updated('provider', name, fields);
  const isNew = () => providers.find(name) === undefined;
  return {
    preview: async () => change(isNew(), providers.preview(provider, { resetSecret })),
    async run() {
      const before = isNew();
      return change(before, await providers.upsert(provider, byOperator, { resetSecret }));
    },
  };
}

function userTask(
  app: SeedApp,
  { password, password_hash: hash, disabled, ...user }: SeedUser,
  resetCredentials: boolean,
): SeedTask {
  const { users, passwords, accountEndings } = app;
  const credentials: Alongside = async (id) => {
    if (hash !== undefined) return passwords.fromHash(id, hash, byOperator);
    return password === undefined ? [] : passwords.set(id, password, user, byOperator);
  };

  /** Whether the person's password is replaced: asked for, given, and not theirs already as far as can be told. */
  async function replacesPassword({ id }: User): Promise<boolean> {
    if (!resetCredentials) return false;
    return hash !== undefined || (password !== undefined && !(await passwords.check(id, password)).ok);
  }

  return {
    async preview() {
      const known = await users.findByLogin(user.email);
      if (known === undefined) return created('user', user.email);
      const fields = await users.preview(known.id, user);
      if (await replacesPassword(known)) fields.push('password');
      if (disabled === true && known.disabledAt === undefined) fields.push('disabled');
      return updated('user', user.email, fields);
    },
    async run() {
      const known = await users.findByLogin(user.email);
      if (known === undefined) {
        const { id } = await users.create(user, byOperator, credentials);
        if (disabled === true) await users.disable(id, byOperator, accountEndings);
        return created('user', user.email);
      }
      const replaces = await replacesPassword(known);
      const fields = await users.update(known.id, user, byOperator, replaces ? credentials : undefined);
      if (replaces) fields.push('password');
      // `disabled: false` opens nothing: somebody may have had a reason since.
      if (disabled === true && (await users.disable(known.id, byOperator, accountEndings))) fields.push('disabled');
      return updated('user', user.email, fields);
    },
  };
}

function clientTask(
  { clients, clientEndings }: SeedApp,
  { disabled, ...client }: SeedClient,
  resetSecret: boolean,
): SeedTask {
  const name = client.client_id ?? '';
  return {
    async preview() {
      const known = clients.find(name);
      if (known === undefined) return created('client', name);
      const fields = clients.preview(client, { resetSecret });
      if (disabled === true && known.disabledAt === undefined) fields.push('disabled');
      return updated('client', name, fields);
    },
    async run() {
      if (clients.find(name) === undefined) {
        const { clientSecret } = await clients.create(client, byOperator);
        if (disabled === true) await clients.disable(name, byOperator, clientEndings);
        return { ...created('client', name), ...(clientSecret === undefined ? {} : { client_secret: clientSecret }) };
      }
      const fields = await clients.update(client, byOperator, { resetSecret });
      if (disabled === true && (await clients.disable(name, byOperator, clientEndings))) fields.push('disabled');
      return updated('client', name, fields);
    },
  };
}
