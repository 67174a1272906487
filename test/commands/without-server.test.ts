import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment } from '../kit/services/child.ts';
import { type TemporaryFolder, temporaryFolder } from '../kit/services/folder.ts';
import { freePort } from '../kit/services/free-port.ts';
import { type Outcome, runCommand } from '../kit/services/process.ts';

let folder: TemporaryFolder;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  folder = temporaryFolder('without-server');
  const dataDir = join(folder.path, 'data');
  env = { ...cleanEnvironment(), POSTERN_DATA_DIR: dataDir, POSTERN_MANAGEMENT_PORT: String(await freePort()) };
});
afterAll(() => folder.remove());

const run = (args: string[], more: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
  runCommand(args, { env: { ...env, ...more }, cwd: folder.path });

describe('a command where no server runs', () => {
  it('plans the migrations of a database that is not there, and makes nothing', async () => {
    const { code, stdout } = await run(['migrate', '--plan', '--json']);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { pending: string[] }).pending[0]).toMatch(/^\d{14}_init$/);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it('makes database and key by `migrate`, once', async () => {
    const first = await run(['migrate', '--json']);
    expect((JSON.parse(first.stdout) as { applied: string[] }).applied.length).toBeGreaterThan(0);
    expect(readdirSync(join(folder.path, 'data')).toSorted()).toEqual(['encryption.key', 'postern.db']);
    expect(await run(['migrate'])).toEqual({ code: 0, stdout: '', stderr: 'The database is up to date.\n' });
  });

  it('says that nothing answers', async () => {
    const { code, stdout, stderr } = await run(['healthcheck']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`:${env.POSTERN_MANAGEMENT_PORT}/health/ready is not healthy: nothing answers there`);
  });

  it('finds a key that others can read, and says what to do', async () => {
    const key = join(folder.path, 'data/encryption.key');
    chmodSync(key, 0o644);
    const { code, stdout } = await run(['doctor']);
    expect(code).toBe(1);
    expect(stdout).toContain(`PROBLEM  file modes: Other users of this machine can read ${key}.`);
    expect(stdout).toContain(`→ chmod 600 ${key}`);
    chmodSync(key, 0o600);
    expect((await run(['doctor'])).code).toBe(0);
  });

  it('tells everything that is wrong with the configuration, as text or as JSON', async () => {
    const wrong = { POSTERN_ISSUER: 'https://id.example.org/', POSTERN_PORT: 'many', POSTERN_COLOUR: 'red' };
    const text = await run(['config', 'check'], wrong);
    expect(text).toMatchObject({ code: 1, stdout: '' });
    expect(text.stderr.split('\n').map((line) => line.split(':')[0])).toEqual(['POSTERN_ISSUER', 'POSTERN_PORT', '']);
    const { code, stdout } = await run(['config', 'check', '--json'], wrong);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      valid: false,
      problems: [{ where: 'POSTERN_ISSUER' }, { where: 'POSTERN_PORT' }],
    });
    const warned = await run(['config', 'check'], { POSTERN_COLOUR: 'red' });
    expect(warned).toMatchObject({ code: 0, stdout: 'The configuration is valid.\n' });
    expect(warned.stderr).toContain('POSTERN_COLOUR is not a variable of Postern');
  });

  it('is refused with the same line as a start when the key is another one', async () => {
    const other = { POSTERN_ENCRYPTION_KEY: Buffer.alloc(32, 3).toString('base64') };
    const { code, stdout, stderr } = await run(['user', 'list'], other);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^The encryption key is another one than .*\n$/);
  });
});
