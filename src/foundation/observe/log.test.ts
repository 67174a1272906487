import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog, logFields, logReference } from './log.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-log-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const linesOf = (where: string) =>
  readdirSync(where)
    .sort()
    .flatMap((name) => readFileSync(join(where, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Runs a script in a process of its own, with its standard output somewhere else. */
const run = (script: string, stdout: string) => {
  const module = JSON.stringify(join(import.meta.dirname, 'log.ts'));
  const code = `import { createLog } from ${module}; ${script}`;
  return spawnSync(
    '/bin/sh',
    ['-c', `exec "$0" --no-warnings --input-type=module -e "$1" > ${stdout}`, process.execPath, code],
    {
      encoding: 'utf8',
      timeout: 60_000,
    },
  );
};

describe('the log', () => {
  it('writes JSON lines with level, time and message, and no secrets', async () => {
    const log = await createLog({ level: 'info', file: join(folder, 'deep/postern.log') });
    log.info({ request_id: 'r1', status: 200, password: 'canary' }, 'request');
    log.debug({}, 'too small');
    log.error({ err: new Error('broken') }, 'request failed');
    await log.close();
    const lines = linesOf(join(folder, 'deep'));
    expect(lines).toMatchObject([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        msg: 'request',
        request_id: 'r1',
        password: '[redacted]',
      },
      { level: 'error', msg: 'request failed', err: { type: 'Error', message: 'broken' } },
    ]);
    for (const field of Object.keys(lines[0] ?? {}).filter((name) => name !== 'password'))
      expect(logFields).toHaveProperty(field);
  });

  it('changes its level while it runs', async () => {
    const log = await createLog({ level: 'error', file: join(folder, 'postern.log') });
    log.warn('before');
    log.setLevel('trace');
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level](level);
    await log.close();
    expect(linesOf(folder).map(({ msg }) => msg)).toEqual(['trace', 'debug', 'info', 'warn', 'error', 'fatal']);
  });

  it('refuses to start with a file that cannot be opened', async () => {
    writeFileSync(join(folder, 'file'), '');
    // In /proc a parent exists but takes no folders.
    for (const file of [join(folder, 'file/postern.log'), '/proc/postern/postern.log']) {
      await expect(createLog({ level: 'info', file })).rejects.toMatchObject({
        code: 'log_unusable',
        message: expect.stringContaining('POSTERN_LOG__FILE'),
      });
    }
  });

  it('goes to standard output without a file', () => {
    const out = join(folder, 'out');
    const { status } = run(
      `const log = await createLog({ level: 'info' }); log.info({ status: 1 }, 'hello'); await log.close();`,
      out,
    );
    expect(status).toBe(0);
    expect(linesOf(folder)).toMatchObject([{ msg: 'hello', status: 1 }]);
  });

  it('survives a full disk: nothing throws or waits, and the operator is told once', () => {
    const script = `
      const log = await createLog({ level: 'info' });
      const began = performance.now();
      for (let round = 0; round < 200; round += 1) {
        log.info({ text: 'x'.repeat(50_000) }, 'line');
        await new Promise((resolve) => setImmediate(resolve));
      }
      process.stderr.write('slowest ' + Math.round(performance.now() - began));
      await log.close();
      process.stderr.write(' closed ' + Math.round(process.memoryUsage().rss / 1e6));`;
    const { status, stderr } = run(script, '/dev/full');
    expect(stderr).toMatch(/^Log lines are being lost: .*\nslowest \d{1,4} closed \d{2,3}$/);
    expect(status).toBe(0);
  });

  it('survives a reader that has gone away', () => {
    const script = `
      const log = await createLog({ level: 'info', onTrouble: () => undefined });
      for (let round = 0; round < 50; round += 1) {
        log.info('line');
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await log.close();
      process.stderr.write('served');`;
    const { stderr } = run(script, '/dev/null | true');
    expect(stderr).toContain('served');
  });

  it('has a reference of its fields', () => {
    for (const field of Object.keys(logFields)) expect(logReference()).toContain(`| \`${field}\` |`);
  });

  it('leaves a process that ends at once its last lines, and lets it end on a full disk', () => {
    const script = `const log = await createLog({ level: 'info' }); for (let line = 0; line < 50; line += 1) log.info('last'); process.exit(3);`;
    const out = join(folder, 'out');
    expect(run(script, out).status).toBe(3);
    expect(readFileSync(out, 'utf8').trimEnd().split('\n').length).toBeGreaterThanOrEqual(50);
    expect(run(script, '/dev/full').status).toBe(3);
  });

  it('closes twice without harm', async () => {
    const log = await createLog({ level: 'info', file: join(folder, 'postern.log') });
    await log.close();
    log.info('after the end');
    await log.close();
    expect(linesOf(folder)).toEqual([]);
  });
});
