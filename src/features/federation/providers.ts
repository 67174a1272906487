import { isDeepStrictEqual } from 'node:util';
import { equalHashes, sha256 } from '../../foundation/crypto/hash.ts';
import type { Database } from '../../foundation/db/database.ts';
import { bumpRevision } from '../../foundation/db/revision.ts';
import type { FieldErrors } from '../../foundation/errors.ts';
import { remember } from '../../foundation/remember.ts';
import type { Audit, By } from '../audit/module.ts';
import { isAppleKey } from './apple-secret.ts';
import { providerIncomplete, providerRefused, providerUnknown } from './errors.ts';
import type { Provider } from './provider.ts';
import { type NewProvider, newProviderSchema, type ProviderDefinition } from './schema.ts';
import type { ProviderStore } from './store.ts';

/** The identity providers as this process knows them. A change moves the revision `providers`. */
export interface Providers {
  /** Those that people may use. */
  usable(): readonly Provider[];
  all(): readonly Provider[];
  find(name: string): Provider | undefined;
  /** Throws `provider_unknown`. */
  mustFind(name: string): Provider;
  reload(): Promise<void>;
  /** Registers a provider or brings it to the given state; without a secret the one that is there stays. Returns the names of what changed. Throws `provider_refused` (400, fields). */
  upsert(provider: NewProvider, by: By, options?: { resetSecret?: boolean }): Promise<string[]>;
  /** What `upsert` would change, without changing it. */
  preview(provider: NewProvider, options?: { resetSecret?: boolean }): string[];
}

export const providersRevision = 'providers';

interface Update {
  readonly definition: ProviderDefinition;
  readonly secret: string | undefined;
  readonly changed: string[];
  readonly isNew: boolean;
}

function changedFields(before: Provider | undefined, definition: ProviderDefinition): string[] {
  const former = (before?.definition ?? {}) as Readonly<Record<string, unknown>>;
  const wanted = definition as Readonly<Record<string, unknown>>;
  const names = new Set([...Object.keys(former), ...Object.keys(wanted)]);
  return [...names].filter((name) => !isDeepStrictEqual(former[name], wanted[name]));
}

export function createProviderRegistry(parts: { database: Database; audit: Audit; store: ProviderStore }): Providers {
  const { database, audit, store } = parts;
  const memory = remember<readonly Provider[]>([], () => store.all());
  const find = (name: string) => memory.current().find((provider) => provider.name === name);

  function updateOf(input: NewProvider, resetSecret: boolean): Update {
    const result = newProviderSchema.safeParse(input);
    if (!result.success) throw providerRefused(result.error);
    const { client_secret: secret, ...read } = result.data;
    // As it comes back from the database, so that a second run finds nothing to do.
    const definition = JSON.parse(JSON.stringify(read)) as ProviderDefinition;
    const known = find(definition.name);
    const problems = secretProblems(definition, secret ?? known?.clientSecret);
    if (Object.keys(problems).length > 0) throw providerIncomplete(problems);
    const replaces =
      secret !== undefined &&
      (known?.clientSecret === undefined || (resetSecret && !equalHashes(sha256(secret), sha256(known.clientSecret))));
    const changed = [...changedFields(known, definition), ...(replaces ? ['client_secret'] : [])];
    return { definition, secret: replaces ? secret : undefined, changed, isNew: known === undefined };
  }

  return {
    all: () => memory.current(),
    usable: () => memory.current().filter(({ definition }) => !definition.disabled),
    find,
    mustFind(name) {
      const provider = find(name);
      if (provider) return provider;
      throw providerUnknown(name);
    },
    reload: async () => void (await memory.refresh()),
    preview: (input, { resetSecret = false } = {}) => updateOf(input, resetSecret).changed,
    async upsert(input, by, { resetSecret = false } = {}) {
      await memory.refresh();
      const { definition, secret, changed, isNew } = updateOf(input, resetSecret);
      if (changed.length === 0) return [];
      const type = isNew ? 'provider.created' : 'provider.updated';
      const details = { provider: definition.name, ...(isNew ? {} : { changed }) };
      await database.together(async (tx, also) => {
        await store.put(tx, definition, secret);
        also(audit.record({ type, outcome: 'success', actor: by.actor, details }, by.facts));
        also(bumpRevision(providersRevision));
      });
      await memory.refresh();
      return changed;
    },
  };
}

/** Apple's secret is a key that makes secrets. */
function secretProblems({ type }: ProviderDefinition, secret: string | undefined): FieldErrors {
  if (type !== 'apple') return {};
  if (secret === undefined) return { client_secret: 'is missing' };
  return isAppleKey(secret) ? {} : { client_secret: 'must be the private key from Apple (the text of its .p8 file)' };
}
