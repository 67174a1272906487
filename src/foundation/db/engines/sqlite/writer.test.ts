import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SqlQuery } from '@prisma/driver-adapter-utils';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Operation, statement, type Unit } from '../../statement.ts';
import { Writer, type WriterOptions } from './writer.ts';

const PUT = statement('test.put', 'INSERT INTO item (id) VALUES (?1)');
const TAKE = statement('test.take', 'DELETE FROM item WHERE id = ?1');
const put = (id: string): Operation => ({ statement: PUT, params: [id], mustHit: true });
const take = (id: string): Operation => ({ statement: TAKE, params: [id], mustHit: true });
const unit = (...operations: Operation[]): Unit => ({ operations, fallback: [] });
const insert = (id: string): SqlQuery => ({ sql: 'INSERT INTO item (id) VALUES (?)', args: [id], argTypes: [] });
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const BUSY = { code: 'store_busy', status: 503, retryAfter: 1 };

describe('the writer of a SQLite file', () => {
  let folder: string;
  let look: DatabaseSync;
  let writer: Writer;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'postern-writer-'));
    look = new DatabaseSync(join(folder, 'test.db'));
    look.exec('PRAGMA journal_mode=WAL; CREATE TABLE item (id TEXT PRIMARY KEY)');
  });
  afterEach(async () => {
    await writer.close();
    look.close();
    rmSync(folder, { recursive: true });
  });

  const open = (options: Partial<WriterOptions> = {}): Writer => {
    writer = new Writer({ file: join(folder, 'test.db'), ...options });
    return writer;
  };
  const ids = () =>
    look
      .prepare('SELECT id FROM item ORDER BY id')
      .all()
      .map((row) => row.id);

  it('keeps what it acknowledges through the loss of power', async () => {
    expect(await open().synchronous()).toBe(2);
  });

  it('answers each unit of a group for itself', async () => {
    open();
    const outcomes = await Promise.all(
      [unit(put('a')), unit(take('missing')), unit(put('a')), unit(put('b'))].map((one) => writer.submit(one)),
    );
    expect(outcomes).toEqual([
      { committed: true },
      { committed: false, lostAt: 0 },
      { committed: false, lostAt: 0 },
      { committed: true },
    ]);
    expect(ids()).toEqual(['a', 'b']);
  });

  it('sheds units and leases that exceed its queues', async () => {
    open({ maxUnits: 2, maxLeases: 1 });
    const queued = [writer.submit(unit(put('a'))), writer.submit(unit(put('b')))];
    const lease = writer.lease();
    expect(await failure(writer.submit(unit(put('c'))))).toMatchObject(BUSY);
    expect(await failure(writer.lease())).toMatchObject(BUSY);
    await (await lease).rollback();
    await Promise.all(queued);
    expect(ids()).toEqual(['a', 'b']);
  });

  it('commits a lease together with the operations that join it', async () => {
    const lease = await open().lease();
    await lease.execute(insert('a'));
    expect(await lease.commit([put('b')])).toBe(0);
    expect(ids()).toEqual(['a', 'b']);
    const second = await writer.lease();
    await second.execute(insert('c'));
    expect(await second.commit([take('a'), take('missing')])).toBe(2);
    expect(ids()).toEqual(['a', 'b']);
  });

  it('lets units wait while a lease is open, and serves them afterwards', async () => {
    const lease = await open().lease();
    const waiting = writer.submit(unit(put('unit')));
    await lease.execute(insert('lease'));
    expect(ids()).toEqual([]);
    await lease.commit([]);
    await waiting;
    expect(ids()).toEqual(['lease', 'unit']);
  });

  it('takes the file back from a lease that outlasts its limit, and says no to its COMMIT', async () => {
    const lease = await open({ leaseMs: 1_000 }).lease();
    await lease.execute(insert('lease'));
    await writer.submit(unit(put('unit')));
    expect(await failure(lease.commit([]))).toMatchObject({ cause: { kind: 'TransactionAlreadyClosed' } });
    expect(ids()).toEqual(['unit']);
  });

  it('refuses a lease whose turn does not come in time', async () => {
    const first = await open({ waitMs: 30 }).lease();
    expect(await failure(writer.lease())).toMatchObject(BUSY);
    await first.rollback();
    const next = await writer.lease();
    await next.rollback();
  });

  it('says so when another process holds the file for too long', async () => {
    open({ busyMs: 50 });
    await writer.synchronous();
    look.exec('BEGIN IMMEDIATE');
    expect(await failure(writer.submit(unit(put('a'))))).toMatchObject(BUSY);
    expect(await failure(writer.lease())).toMatchObject(BUSY);
    look.exec('ROLLBACK');
    expect(await writer.submit(unit(put('a')))).toEqual({ committed: true });
  });

  it('finishes what is queued before it closes, and takes nothing new', async () => {
    const lease = await open().lease();
    const queued = writer.submit(unit(put('a')));
    const closed = writer.close();
    expect(await failure(writer.submit(unit(put('late'))))).toMatchObject({ code: 'store_unavailable' });
    expect(await failure(writer.lease())).toMatchObject({ code: 'store_unavailable' });
    await lease.commit([put('b')]);
    await Promise.all([queued, closed]);
    expect(ids()).toEqual(['a', 'b']);
  });

  it('fails every call when its thread cannot open the file', async () => {
    writer = new Writer({ file: join(folder, 'nowhere', 'test.db') });
    expect(await failure(writer.submit(unit(put('a'))))).toMatchObject({ code: 'store_unavailable' });
    expect(await failure(writer.lease())).toMatchObject({ code: 'store_unavailable' });
  });
});
