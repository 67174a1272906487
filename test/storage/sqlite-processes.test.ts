import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Writer } from '../../src/foundation/db/engines/sqlite/writer.ts';
import { openDatabase } from '../../src/foundation/db/open.ts';
import { statement } from '../../src/foundation/db/statement.ts';
import { createMigrated, ENGINES, ids, type Server } from './kit/engines.ts';

const BUMP = statement(
  'test.bump',
  'INSERT INTO revisions (name, number) VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET number = number + 1',
);
const bump = (name: string) => ({ operations: [{ statement: BUMP, params: [name], mustHit: true }], fallback: [] });

const KILLS = process.env.POSTERN_TEST_LONG === '1' ? 50 : 4;
const killAfterMs = (round: number): number => 20 + ((round * 37) % 160);

describe('several processes on one SQLite file', () => {
  let server: Server;
  let url: string;
  let file: string;
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    server = (await ENGINES.find(({ engine }) => engine === 'sqlite')?.start()) as Server;
    const migrated = await createMigrated(server, 'processes');
    await migrated.database.close();
    url = migrated.url;
    file = url.slice('file:'.length);
  });
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
  });
  afterAll(() => server.stop());

  const start = (script: string, ...args: string[]): ChildProcess => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'kit', script), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.add(child);
    return child;
  };

  /** Lets a process write, kills it some time after its first acknowledgement, and returns what it had acknowledged. */
  async function killWhileWriting(round: number, prefix: string): Promise<string[]> {
    const child = start('writing-process.ts', url, prefix);
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    child.stdout?.once('data', () => setTimeout(() => child.kill('SIGKILL'), killAfterMs(round)));
    await once(child, 'close');
    return output.split('\n').slice(0, -1);
  }

  it('lose nothing that was acknowledged when they are killed, and leave nothing half done', async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < KILLS; round++) {
      const prefix = `${ids.next()}-${round}`;
      const both = await Promise.all(['a', 'b'].map((name) => killWhileWriting(round, `${prefix}-${name}`)));
      acknowledged.push(...both.flat());
    }
    const look = new DatabaseSync(file);
    const column = (sql: string) =>
      look
        .prepare(sql)
        .all()
        .map((row) => String(row.id));
    const artifacts = new Set(column('SELECT id FROM artifacts'));
    const audits = new Set(column('SELECT subject AS id FROM audit_events'));
    const integrity = look.prepare('PRAGMA integrity_check').get();
    look.close();
    expect(acknowledged.length).toBeGreaterThan(KILLS);
    expect(acknowledged.filter((key) => !artifacts.has(key))).toEqual([]);
    expect([...artifacts].filter((key) => !audits.has(key))).toEqual([]);
    expect([...audits].filter((key) => !artifacts.has(key))).toEqual([]);
    expect(integrity).toMatchObject({ integrity_check: 'ok' });
  });

  it('serve a command beside a server that never rests', async () => {
    const database = await openDatabase({ url });
    let running = true;
    let served = 0;
    const load = async (): Promise<void> => {
      for (; running; served++) await database.commit(bump('busy'));
    };
    const lanes = Array.from({ length: 16 }, load);
    const command = start('writing-process.ts', url, ids.next(), '20');
    const [code] = (await once(command, 'exit')) as [number | null];
    running = false;
    await Promise.all(lanes);
    await database.close();
    expect(code).toBe(0);
    expect(served).toBeGreaterThan(20);
  });

  it('get an honest refusal while one that holds the file is stopped, and go on when it is gone', async () => {
    const holder = start('holding-process.ts', file);
    await once(holder.stdout as NodeJS.EventEmitter, 'data');
    holder.kill('SIGSTOP');
    const writer = new Writer({ file, busyMs: 200 });
    await expect(writer.submit(bump('held'))).rejects.toMatchObject({ code: 'store_busy', status: 503 });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(await writer.submit(bump('held'))).toEqual({ committed: true });
    await writer.close();
  });
});
