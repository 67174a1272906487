import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestFeatures } from '../../../test/kit/features.ts';
import { byOperator } from '../audit/module.ts';
import { settingsSchema } from '../settings/module.ts';
import { createThrottle } from '../throttle/module.ts';
import { type BreachedSource, createBreached } from './breached.ts';
import { entriesOf, headerBytes, isInFile } from './breached-file.ts';
import { buildBreached } from './build-breached.ts';
import { createPasswords } from './module.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-breached-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');
const at = (name: string): string => join(folder, name);

async function build(lines: readonly string[]): Promise<string> {
  writeFileSync(at('list'), lines.join('\n'));
  await buildBreached({ inputs: [at('list')], output: at('file') });
  return at('file');
}

describe('the file of breached passwords', () => {
  it('has what the lists have, in whatever form and order, and nothing else', async () => {
    // A line of 40 hexadecimal digits is a hash, so no password of the test may be one.
    const word = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 30 })
      .filter((text) => !/[\r\n\u2028\u2029\u0085]/.test(text) && text.isWellFormed());
    const entry = fc.tuple(word, fc.constantFrom('plain', 'hash', 'COUNT'));
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 60 }), word, async (entries, stranger) => {
        const path = await build(
          entries.map(([text, form]) => {
            const hash = sha1(text.normalize('NFC'));
            return form === 'plain' ? text : form === 'hash' ? hash : `${hash.toUpperCase()}:17`;
          }),
        );
        const words = new Set(entries.map(([text]) => text.normalize('NFC')));
        expect(await entriesOf(path)).toBe(words.size);
        for (const [text] of entries) expect(await isInFile(path, text)).toBe(true);
        expect(await isInFile(path, stranger)).toBe(words.has(stranger.normalize('NFC')));
      }),
      { numRuns: 60 },
    );
  });

  it('is found in beyond one page, at both ends and between', async () => {
    const hashes = Array.from({ length: 5000 }, (_, index) => sha1(`word ${index}`));
    const path = await build([...hashes, ...hashes]);
    expect(await entriesOf(path)).toBe(5000);
    for (let index = 0; index < 5000; index += 97) expect(await isInFile(path, `word ${index}`)).toBe(true);
    const sorted = hashes.toSorted();
    for (const hash of [sorted[0], sorted.at(-1)]) {
      expect(await isInFile(path, `word ${hashes.indexOf(hash as string)}`)).toBe(true);
    }
    for (let index = 5000; index < 5100; index += 1) expect(await isInFile(path, `word ${index}`)).toBe(false);
    expect(readFileSync(path).length).toBe(headerBytes + 8 * 5000);
  });

  it('is made from a list that does not fit in memory in the same way', async () => {
    // More than a part holds back: three of four begin with one byte, as no list of hashes would.
    const lines = Array.from(
      { length: 20_000 },
      (_, index) => `${index % 4 ? '00' : 'ff'}${sha1(`${index}`).slice(2)}`,
    );
    const path = await build(lines.toReversed());
    expect(await entriesOf(path)).toBe(20_000);
    const entries = lines.map((line) => line.slice(0, 16)).toSorted();
    expect(readFileSync(path).subarray(headerBytes).toString('hex')).toBe(entries.join(''));
  });

  it('appears whole or not at all, and leaves nothing beside it', async () => {
    const output = at('none');
    await expect(buildBreached({ inputs: [at('missing')], output })).rejects.toMatchObject({ code: 'breached_file' });
    await expect(buildBreached({ inputs: [at('list')], output: at('no/where') })).rejects.toMatchObject({
      message: expect.stringContaining('cannot be written'),
    });
    expect(readdirSync(folder).filter((name) => name.startsWith('.') || name === 'none')).toEqual([]);
  });

  it.each([
    ['missing', undefined, 'cannot be read'],
    ['empty', Buffer.alloc(0), 'another form'],
    ['text', Buffer.from('123456\npassword\nqwerty\n'), 'another form'],
  ])('is refused when it is %s', async (name, bytes, why) => {
    if (bytes) writeFileSync(at(name), bytes);
    await expect(isInFile(at(name), 'x')).rejects.toMatchObject({ message: expect.stringContaining(why) });
  });

  it('is refused when a part of it is missing', async () => {
    const path = await build(['one', 'two']);
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    await expect(entriesOf(path)).rejects.toMatchObject({ message: expect.stringContaining('not whole') });
  });
});

describe('looking for a breached password', () => {
  const service = 'https://pwned.example/range/';
  const hash = sha1('lamp oil for the lighthouse').toUpperCase();
  const unasked: BreachedSource[] = [];
  const asked: [string, unknown][] = [];
  const lookUp = (answer: () => Promise<Response>) =>
    createBreached({
      config: { dataDir: folder },
      async fetch(url, { headers }) {
        asked.push([url, headers]);
        return answer();
      },
      onUnasked: (source) => unasked.push(source),
    });
  const settings = (breached: object) => settingsSchema.parse({ password: { breached } });

  it('tells the service five digits of the hash, and believes only entries that were seen', async () => {
    const text = (count: number) => async () =>
      new Response(`0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n${hash.slice(5)}:${count}\r\n`);
    expect(await lookUp(text(12))('lamp oil for the lighthouse', settings({ service }))).toEqual({
      found: true,
      unasked: [],
    });
    expect(asked).toEqual([[`https://pwned.example/range/${hash.slice(0, 5)}`, { 'add-padding': 'true' }]]);
    expect(await lookUp(text(0))('lamp oil for the lighthouse', settings({ service }))).toEqual({
      found: false,
      unasked: [],
    });
    expect(await lookUp(text(12))('some other words here', settings({ service }))).toEqual({
      found: false,
      unasked: [],
    });
  });

  it('takes a password, and says so, when a list cannot be asked', async () => {
    const away = () => Promise.reject(new Error('away'));
    const both = settings({ file: 'nowhere', service });
    expect(await lookUp(away)('lamp oil for the lighthouse', both)).toEqual({
      found: false,
      unasked: ['file', 'service'],
    });
    expect(unasked).toEqual(['file', 'service']);
    const ill = async () => new Response('', { status: 503 });
    expect(await lookUp(ill)('lamp oil', settings({ service }))).toEqual({ found: false, unasked: ['service'] });
  });

  it('asks nobody unless told to', async () => {
    asked.length = 0;
    expect(await lookUp(() => Promise.reject(new Error('asked')))('x', settings({}))).toEqual({
      found: false,
      unasked: [],
    });
    expect(asked).toEqual([]);
  });

  it.each(['http://pwned.example/range', 'ftp://x', 'pwned.example'])('refuses %s as a service', (url) => {
    expect(settingsSchema.safeParse({ password: { breached: { service: url } } }).success).toBe(false);
  });
});

describe('setting a breached password', () => {
  it('is refused with the file, and audited where no list could be asked', async () => {
    const features = await openTestFeatures();
    try {
      const config = { issuer: 'https://id.example', dataDir: folder };
      const away = { fetch: () => Promise.reject(new Error('away')), onUnasked: () => undefined };
      const passwordHash = {
        hash: async () => '$h',
        verify: async () => false,
        verifyUnknown: async () => false as const,
        needsRehash: () => false,
      };
      const passwords = createPasswords({
        ...features,
        ...away,
        config,
        throttle: createThrottle(features),
        passwordHash,
      });
      await build(['lamp oil for the lighthouse']);
      await features.settings.set({ password: { breached: { file: 'file' } } }, byOperator);
      const set = (password: string) => passwords.set('ada', password, {}, byOperator);
      await expect(set('lamp oil for the lighthouse')).rejects.toMatchObject({
        code: 'password_refused',
        reason: 'breached',
      });
      await expect(set('oil lamp for the lighthouse')).resolves.toHaveLength(2);
      expect(await passwords.breachedFile()).toEqual({ path: at('file'), entries: 1 });
      rmSync(at('file'));
      await expect(passwords.breachedFile()).rejects.toMatchObject({ code: 'breached_file' });
      const { id } = await features.users.create({ email: 'ada@example.org' }, byOperator, (userId) =>
        passwords.set(userId, 'lamp oil for the lighthouse', {}, byOperator),
      );
      const [event] = await features.audit.search({ type: 'password.changed', limit: 1 });
      expect(event).toMatchObject({ subject: id, details: { breached_unasked: ['file'] } });
    } finally {
      await features.close();
    }
  });
});
