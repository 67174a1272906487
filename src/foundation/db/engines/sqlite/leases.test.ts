import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SqlQuery } from '@prisma/driver-adapter-utils';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SqliteConnection } from './connection.ts';
import { Groups } from './groups.ts';
import { Leases } from './leases.ts';

const SCHEMA = `
  PRAGMA journal_mode=WAL;
  CREATE TABLE item (id TEXT PRIMARY KEY);
  CREATE TRIGGER bomb BEFORE INSERT ON item WHEN NEW.id = 'bomb' BEGIN SELECT RAISE(ROLLBACK, 'gone'); END;
`;
const sql = (text: string, ...args: unknown[]): SqlQuery => ({ sql: text, args, argTypes: [] });
const insert = (id: string): SqlQuery => sql('INSERT INTO item (id) VALUES (?)', id);
const NOTHING = [[], []] as const;
const OVER = expect.objectContaining({ kind: 'TransactionAlreadyClosed' });

describe('a lease of the writer', () => {
  let folder: string;
  let connection: SqliteConnection;
  let groups: Groups;
  let leases: Leases;
  let expired: number[];

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    folder = mkdtempSync(join(tmpdir(), 'postern-leases-'));
    connection = new SqliteConnection(join(folder, 'test.db'), { readOnly: false, busyMs: 0 });
    connection.exec(SCHEMA);
    groups = new Groups(connection, 100);
    expired = [];
    leases = new Leases(connection, groups, (lease) => expired.push(lease));
  });
  afterEach(() => {
    leases.end();
    connection.close();
    rmSync(folder, { recursive: true });
    vi.useRealTimers();
  });

  const ids = () => connection.query(sql('SELECT id FROM item ORDER BY id')).rows.flat();
  const caught = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };

  it('commits what was written through it', () => {
    leases.begin(1, 1000);
    expect(leases.statement(1, insert('a'), false)).toBe(1);
    expect(leases.commit(1, NOTHING)).toBe(0);
    expect(ids()).toEqual(['a']);
  });

  it('keeps nothing when it is rolled back', () => {
    leases.begin(1, 1000);
    leases.statement(1, insert('a'), false);
    leases.rollback(1);
    expect(ids()).toEqual([]);
  });

  it('rolls back to a savepoint and refuses anything that only looks like one', () => {
    leases.begin(1, 1000);
    leases.savepoint(1, 'SAVEPOINT s1');
    leases.statement(1, insert('a'), false);
    leases.savepoint(1, 'ROLLBACK TO s1');
    expect(caught(() => leases.savepoint(1, 'SAVEPOINT x; COMMIT'))).toBeInstanceOf(Error);
    leases.commit(1, NOTHING);
    expect(ids()).toEqual([]);
  });

  it('stores nothing when an operation that joins the commit loses', () => {
    leases.begin(1, 1000);
    leases.statement(1, insert('a'), false);
    const guard = [[[0, 'SELECT 1 FROM item WHERE id = ?1']], [[[[0, 1, 'missing']], []]]] as const;
    expect(leases.commit(1, guard)).toBe(1);
    expect(ids()).toEqual([]);
  });

  it('ends at its limit: what it wrote is gone and what it still sends is refused', () => {
    leases.begin(1, 1000);
    leases.statement(1, insert('a'), false);
    vi.advanceTimersByTime(1000);
    expect(expired).toEqual([1]);
    expect(connection.inTransaction).toBe(false);
    expect(caught(() => leases.statement(1, insert('b'), false))).toEqual(OVER);
    expect(caught(() => leases.commit(1, NOTHING))).toEqual(OVER);
    expect(ids()).toEqual([]);
  });

  it('learns the statements of a COMMIT that comes too late: later units name them by number', () => {
    leases.begin(1, 1000);
    vi.advanceTimersByTime(1000);
    const late = [[[0, 'INSERT INTO item (id) VALUES (?1)']], [[[[0, 1, 'late']], []]]] as const;
    expect(caught(() => leases.commit(1, late))).toEqual(OVER);
    expect(groups.run([[], [[[[0, 1, 'next']], []]]])).toEqual([0]);
    expect(ids()).toEqual(['next']);
  });

  it('refuses a statement past the limit even when the timer has not run yet', () => {
    leases.begin(1, 1000);
    const now = performance.now();
    vi.spyOn(performance, 'now').mockReturnValue(now + 1000);
    expect(caught(() => leases.statement(1, insert('a'), false))).toEqual(OVER);
    expect(expired).toEqual([1]);
  });

  it('refuses a straggler of an earlier lease', () => {
    leases.begin(1, 1000);
    leases.rollback(1);
    leases.begin(2, 1000);
    expect(caught(() => leases.statement(1, insert('a'), false))).toEqual(OVER);
    leases.rollback(1);
    leases.statement(2, insert('b'), false);
    leases.commit(2, NOTHING);
    expect(ids()).toEqual(['b']);
  });

  it('does not go on in autocommit after SQLite has rolled back by itself', () => {
    leases.begin(1, 1000);
    leases.statement(1, insert('a'), false);
    expect(caught(() => leases.statement(1, insert('bomb'), false))).toBeInstanceOf(Error);
    expect(caught(() => leases.statement(1, insert('b'), false))).toEqual(OVER);
    expect(expired).toEqual([1]);
    expect(ids()).toEqual([]);
  });

  it.each(['COMMIT', ' /* x */ commit', '-- x\nEND', ';ROLLBACK', 'PRAGMA foreign_keys=OFF', "ATTACH 'x' AS y"])(
    'refuses %j, which would end the transaction behind its back',
    (text) => {
      leases.begin(1, 1000);
      leases.statement(1, insert('a'), false);
      expect(caught(() => leases.statement(1, sql(text), false))).toBeInstanceOf(Error);
      expect(connection.inTransaction).toBe(true);
    },
  );
});
