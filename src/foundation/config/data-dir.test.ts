import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freeBytesAt, lockDataDir, prepareDataDir } from './data-dir.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-data-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const refused = (code: string, act: () => unknown) => {
  try {
    act();
  } catch (error) {
    expect(error).toMatchObject({ code });
    return (error as Error).message;
  }
  return expect.unreachable();
};

describe('the data folder', () => {
  it('is made for this user alone and left empty', () => {
    const path = join(folder, 'deep/data');
    prepareDataDir(path);
    prepareDataDir(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(readdirSync(path)).toEqual([]);
  });

  it('that is a file is refused with the remedy', () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    expect(refused('data_dir_unusable', () => prepareDataDir(path))).toContain('POSTERN_DATA_DIR');
    refused('data_dir_unusable', () => prepareDataDir('/proc/self/nowhere'));
  });

  it('on a full disk is refused before anything is written', () => {
    const almost = () => 16 * 1024 * 1024 - 1;
    expect(refused('data_dir_full', () => prepareDataDir(folder, almost))).toContain('only 15 MiB are free');
    expect(freeBytesAt(folder)).toBeGreaterThan(0);
  });
});

describe('the lock of the data folder', () => {
  const hold = async (): Promise<ChildProcess> => {
    const module = JSON.stringify(join(import.meta.dirname, 'data-dir.ts'));
    const script = `import { lockDataDir } from ${module}; lockDataDir(${JSON.stringify(folder)}); globalThis.gc(); console.log('held'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--no-warnings', '--expose-gc', '--input-type=module', '-e', script], {
      stdio: 'pipe',
    });
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    return child;
  };

  it('keeps a second server out and names the first', async () => {
    const other = await hold();
    try {
      const message = refused('data_dir_in_use', () => lockDataDir(folder));
      expect(message).toContain(`(process ${other.pid})`);
      expect(message).toContain('POSTERN_DATA_DIR');
      rmSync(join(folder, 'server.pid'));
      expect(refused('data_dir_in_use', () => lockDataDir(folder))).not.toContain('process');
      writeFileSync(join(folder, 'server.pid'), 'unreadable');
      expect(refused('data_dir_in_use', () => lockDataDir(folder))).not.toContain('process');
    } finally {
      other.kill('SIGKILL');
      await once(other, 'exit');
    }
  });

  it('dies with its process, even when that is killed', async () => {
    const other = await hold();
    refused('data_dir_in_use', () => lockDataDir(folder));
    other.kill('SIGKILL');
    await once(other, 'exit');
    const lock = lockDataDir(folder);
    expect(lock.path).toBe(folder);
    lock.release();
  });

  it('holds within one process too, until it is released', () => {
    const lock = lockDataDir(folder);
    expect(refused('data_dir_in_use', () => lockDataDir(folder))).toContain(`(process ${process.pid})`);
    expect(refused('data_dir_in_use', () => lockDataDir(folder))).toContain(`(process ${process.pid})`);
    lock.release();
    lock.release();
    expect(existsSync(join(folder, 'server.pid'))).toBe(false);
    lockDataDir(folder).release();
  });

  it('on something that is no lock file is refused', () => {
    writeFileSync(join(folder, 'server.lock'), 'x'.repeat(4096));
    expect(refused('data_dir_unusable', () => lockDataDir(folder))).toContain(folder);
  });
});
