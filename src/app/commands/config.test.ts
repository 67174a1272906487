import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../foundation/config/load.ts';
import { configCheck, configPrint } from './config.ts';
import type { CommandIo } from './io.ts';

const ioOf = (json = false) => {
  const said = { out: '', err: '' };
  const io: CommandIo = {
    json,
    out(text) {
      said.out += text;
    },
    err(text) {
      said.err += text;
    },
  };
  return { io, said };
};
const loading = (env: Record<string, string>) => ({ load: () => loadConfig({ env, cwd: '/nowhere' }) });

describe('postern config check', () => {
  it('says that it is valid, and what is odd', async () => {
    const { io, said } = ioOf();
    expect(await configCheck(io, loading({ POSTERN_PROT: '1' }))).toBe(0);
    expect(said.out).toBe('The configuration is valid.\n');
    expect(said.err).toContain('POSTERN_PROT');
  });

  it('tells every problem on a line of its own, and fails', async () => {
    const { io, said } = ioOf();
    expect(await configCheck(io, loading({ POSTERN_PORT: 'x', POSTERN_ISSUER: 'y' }))).toBe(1);
    expect(said.err.trimEnd().split('\n')).toHaveLength(2);
    expect(said.out).toBe('');
  });

  it('tells problems as JSON too', async () => {
    const { io, said } = ioOf(true);
    expect(await configCheck(io, loading({ POSTERN_PORT: 'x' }))).toBe(1);
    expect(JSON.parse(said.out)).toMatchObject({ valid: false, problems: [{ where: 'POSTERN_PORT' }] });
    const { io: valid, said: good } = ioOf(true);
    expect(await configCheck(valid, loading({}))).toBe(0);
    expect(JSON.parse(good.out)).toEqual({ valid: true, problems: [], warnings: [] });
  });

  it('leaves other errors to who can tell them', async () => {
    const broken = {
      load(): never {
        throw new TypeError('broken');
      },
    };
    await expect(configCheck(ioOf().io, broken)).rejects.toThrow('broken');
  });
});

describe('postern config print', () => {
  it('shows values with their sources and without secrets', async () => {
    const { io, said } = ioOf();
    const env = {
      POSTERN_DATABASE_URL: 'mysql://root:canary@db/x',
      POSTERN_ENCRYPTION_KEY: Buffer.alloc(32).toString('base64'),
    };
    expect(await configPrint(io, loading(env))).toBe(0);
    expect(said.out).toContain('databaseUrl: mysql://[redacted]@db/x # POSTERN_DATABASE_URL');
    expect(said.out).not.toMatch(/canary|AAAA/);
  });

  it('shows them as JSON', async () => {
    const { io, said } = ioOf(true);
    expect(await configPrint(io, loading({ POSTERN_PORT: '8081' }))).toBe(0);
    expect(JSON.parse(said.out)).toContainEqual({ key: 'port', value: 8081, source: 'POSTERN_PORT' });
  });

  it('fails where there is nothing to print', async () => {
    expect(await configPrint(ioOf().io, loading({ POSTERN_PORT: 'x' }))).toBe(1);
  });
});
