import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createHealth } from '../../src/foundation/observe/health.ts';
import { startManagement } from '../../src/foundation/observe/management.ts';
import { createMetrics } from '../../src/foundation/observe/metrics.ts';
import { commands } from './command-page.ts';
import { promisedIds } from './contract-page.ts';
import { endpointMeanings, managementMeanings, pageRoutes, protocolPaths, routeMeanings } from './http-page.ts';
import { pageHooks } from './page-hooks.ts';
import { referencePages } from './pages.ts';
import { claimFields, policyFields, seedFields, settingRules } from './schema-pages.ts';
import {
  claimMeanings,
  clientMeanings,
  mfaPolicyMeanings,
  policyMeanings,
  providerMeanings,
  resourceMeanings,
  userMeanings,
} from './seed-meanings.ts';

const folder = join(import.meta.dirname, '../../docs/reference');

describe('the reference', () => {
  it('is what the code says; npm run docs brings it up to date', async () => {
    const pages = await referencePages();
    expect(readdirSync(folder).sort()).toEqual(Object.keys(pages).sort());
    for (const [name, text] of Object.entries(pages)) expect(readFileSync(join(folder, name), 'utf8')).toBe(text);
  });

  it('explains every setting', () => {
    const bare = settingRules().filter(([, rule]) => !rule.description || rule.default === undefined);
    expect(bare.map(([name]) => name)).toEqual([]);
  });

  it('explains every field of a seed file, and none that does not exist', () => {
    const sections = [
      [seedFields('users'), userMeanings],
      [seedFields('resources'), resourceMeanings],
      [seedFields('clients'), clientMeanings],
      [claimFields(), claimMeanings],
      [seedFields('providers'), providerMeanings],
      [policyFields(), policyMeanings],
      [seedFields('mfa_policies'), mfaPolicyMeanings],
    ] as const;
    for (const [fields, meanings] of sections) {
      expect(Object.keys(meanings).sort()).toEqual(Object.keys(fields).sort());
    }
  });

  it('explains every command, argument and option', () => {
    const bare = commands().flatMap(({ name, command }) =>
      [command.description(), ...command.options.map((option) => option.description)].includes('') ||
      command.registeredArguments.some(({ description }) => description === '')
        ? [name]
        : [],
    );
    expect(bare).toEqual([]);
  });

  it('explains every route, and none that does not exist', () => {
    expect(Object.keys(routeMeanings).sort()).toEqual(pageRoutes().sort());
    expect(Object.keys(endpointMeanings).sort()).toEqual([...protocolPaths].sort());
  });

  it('names what the management port answers, and nothing else', async () => {
    const management = await startManagement({
      host: '127.0.0.1',
      port: 0,
      health: createHealth(),
      metrics: createMetrics(),
      onError: (error) => expect(error).toBeUndefined(),
    });
    try {
      const statuses = await Promise.all(
        Object.keys(managementMeanings).map(async (path) => {
          const { status } = await fetch(`http://127.0.0.1:${management.port}${path}`);
          return [path, status === 200 || status === 503] as const;
        }),
      );
      expect(statuses.filter(([, answered]) => !answered)).toEqual([]);
    } finally {
      await management.close();
    }
  });

  it('promises only ids that pages have', () => {
    const ids = new Set([...pageHooks().values()].flatMap((hooks) => [...hooks.ids]));
    expect(promisedIds.filter((id) => !ids.has(id))).toEqual([]);
  });
});
