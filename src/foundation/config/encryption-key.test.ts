import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyFingerprint } from '../crypto/key-ring.ts';
import { type Random, systemRandom } from '../random.ts';
import { checkKeyFingerprint, encryptionKeyFile, loadEncryptionKeys } from './encryption-key.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'postern-key-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const oldKey = Buffer.alloc(32, 1);
const newKey = Buffer.alloc(32, 2);
const load = (options: { given?: Buffer[]; databaseExists?: boolean; databaseFile?: string; random?: Random } = {}) =>
  loadEncryptionKeys({
    config: {
      encryptionKey: options.given,
      dataDir,
      databaseFile: options.databaseFile ?? join(dataDir, 'postern.db'),
    },
    databaseExists: options.databaseExists ?? false,
    random: options.random ?? systemRandom,
  });
const refused = (code: string, act: () => unknown) => {
  try {
    act();
  } catch (error) {
    expect(error).toMatchObject({ code });
    return (error as Error).message;
  }
  return expect.unreachable();
};

describe('the encryption key', () => {
  it('is the one that was given, and then no file is made', () => {
    expect(load({ given: [newKey, oldKey], databaseExists: true })).toEqual({
      keys: [newKey, oldKey],
      file: undefined,
      created: false,
    });
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it('is made once for a new embedded database, for this user alone', () => {
    const first = load();
    expect(first).toMatchObject({ created: true, file: encryptionKeyFile(dataDir) });
    expect(first.keys[0]).toHaveLength(32);
    expect(statSync(encryptionKeyFile(dataDir)).mode & 0o777).toBe(0o600);
    expect(load({ databaseExists: true })).toEqual({ ...first, created: false });
    expect(readdirSync(dataDir)).toEqual(['encryption.key']);
  });

  it('of a process that was faster is taken, never replaced', () => {
    const theirs = oldKey.toString('base64');
    let calls = 0;
    const slow: Random = {
      bytes(length) {
        calls += 1;
        // The second call makes the key: by now the other process has put its own there.
        if (calls === 2) writeFileSync(encryptionKeyFile(dataDir), theirs);
        return Buffer.alloc(length, 9);
      },
    };
    expect(load({ random: slow })).toEqual({ keys: [oldKey], file: encryptionKeyFile(dataDir), created: false });
    expect(readdirSync(dataDir)).toEqual(['encryption.key']);
  });

  it('that is lost is told, and none is made in its place', () => {
    const message = refused('key_missing', () => load({ databaseExists: true }));
    expect(message).toContain('Put the key back from your backup');
    expect(readdirSync(dataDir)).toEqual([]);
    refused('key_missing', () => load({ databaseFile: '/elsewhere/postern.db' }));
  });

  it('file with anything else in it is refused and left alone', () => {
    writeFileSync(encryptionKeyFile(dataDir), 'geheim');
    expect(refused('key_malformed', () => load())).not.toContain('geheim');
    expect(readFileSync(encryptionKeyFile(dataDir), 'utf8')).toBe('geheim');
  });

  it('file that cannot be read is told with the reason', () => {
    const folder = join(dataDir, 'deeper');
    writeFileSync(folder, 'a file where a folder should be');
    const config = { encryptionKey: undefined, dataDir: folder, databaseFile: join(folder, 'postern.db') };
    const act = () => loadEncryptionKeys({ config, databaseExists: false, random: systemRandom });
    expect(refused('key_missing', act)).toContain('ENOTDIR');
  });

  it('that cannot be written is told with the reason', () => {
    const folder = join(dataDir, 'missing');
    const config = { encryptionKey: undefined, dataDir: folder, databaseFile: join(folder, 'postern.db') };
    const act = () => loadEncryptionKeys({ config, databaseExists: false, random: systemRandom });
    expect(refused('data_dir_unusable', act)).toContain('ENOENT');
  });
});

describe('the fingerprints that a database keeps', () => {
  it('begin with the first key', () => {
    expect(checkKeyFingerprint(undefined, [newKey, oldKey])).toBe(keyFingerprint(newKey));
  });

  it('stay while nothing changes', () => {
    const kept = checkKeyFingerprint(undefined, [oldKey]);
    expect(checkKeyFingerprint(kept, [oldKey])).toBe(kept);
  });

  it('remember every key that has encrypted something', () => {
    const kept = checkKeyFingerprint(checkKeyFingerprint(undefined, [oldKey]), [newKey, oldKey]);
    expect(kept).toBe(`${keyFingerprint(newKey)},${keyFingerprint(oldKey)}`);
    expect(checkKeyFingerprint(kept, [oldKey, newKey])).toBe(`${keyFingerprint(oldKey)},${keyFingerprint(newKey)}`);
    for (const keys of [[newKey], [oldKey]]) {
      expect(refused('key_wrong', () => checkKeyFingerprint(kept, keys))).toContain('NEW,FORMER');
    }
  });
});
