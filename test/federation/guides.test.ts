import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { newProviderSchema } from '../../src/features/federation/schema.ts';
import { kinds } from './kinds.ts';

const folder = join(import.meta.dirname, '../../docs/federation');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

describe('the guides', () => {
  it('are one for each preset, and the index leads to all of them', () => {
    const pages = readdirSync(folder).filter((name) => name !== 'README.md');
    expect(pages.sort()).toEqual([...kinds.map(({ name }) => `${name}.md`), 'brands.md'].sort());
    for (const page of pages) expect(read('README.md')).toContain(`](${page})`);
  });

  it.each(kinds)('show a seed that is accepted, and the redirect URI: $name', ({ name }) => {
    const page = read(`${name}.md`);
    const seeds = [...page.matchAll(/```yaml\n(providers:\n[\s\S]*?)```/g)].map(([, text = '']) => text);
    expect(seeds.length).toBeGreaterThan(0);
    for (const seed of seeds) {
      const { providers } = parse(seed) as { providers: unknown[] };
      for (const provider of providers) expect(newProviderSchema.parse(provider)).toMatchObject({ type: name });
    }
    expect(page).toMatch(/\/federation\/\w+\/callback/);
    expect(page).toContain('postern federation show');
  });
});
