import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment } from '../kit/services/child.ts';
import { type TemporaryFolder, temporaryFolder } from '../kit/services/folder.ts';
import type { Outcome } from '../kit/services/process.ts';

const launcher = join(import.meta.dirname, '../../bin/postern.mjs');

let folder: TemporaryFolder;
beforeAll(() => {
  folder = temporaryFolder('launcher');
});
afterAll(() => folder.remove());

/** As `npx postern …` does, by whatever Node.js is there. */
function launch(node: string, ...args: string[]): Promise<Outcome> {
  const env = { ...cleanEnvironment(), POSTERN_DATA_DIR: join(folder.path, 'data') };
  return new Promise((resolve) => {
    execFile(node, [launcher, ...args], { env, cwd: folder.path }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** The pinned Node.js, which runs commands in place, and the machine's own, which starts the pinned one. */
const system = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => existsSync(path)) ?? process.execPath;

describe.each([
  ['the pinned Node.js', process.execPath],
  ['the Node.js of the machine', system],
])('the launcher, started by %s', (_, node) => {
  it('passes results, messages and exit codes through, and nothing of its own', async () => {
    const valid = await launch(node, 'config', 'check', '--json');
    expect(valid).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(valid.stdout)).toMatchObject({ valid: true });
    const down = await launch(node, 'healthcheck');
    expect(down).toMatchObject({ code: 1, stdout: '' });
    expect(down.stderr).toContain('is not healthy');
    expect(await launch(node, 'nonsense')).toMatchObject({ code: 2, stdout: '' });
    expect(readdirSync(folder.path)).toEqual([]);
  });
});
