import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteConnection } from './connection.ts';
import { Groups } from './groups.ts';
import type { WireOperation, WireUnit } from './wire.ts';

const SCHEMA = `
  PRAGMA journal_mode=WAL;
  CREATE TABLE code (id TEXT PRIMARY KEY, used INTEGER);
  CREATE TABLE audit (text TEXT NOT NULL CHECK (text <> 'refused'));
  CREATE TRIGGER bomb BEFORE INSERT ON audit WHEN NEW.text = 'bomb' BEGIN SELECT RAISE(ROLLBACK, 'everything is gone'); END;
  CREATE TABLE child (parent TEXT REFERENCES code(id) DEFERRABLE INITIALLY DEFERRED);
`;
const STATEMENTS = [
  'INSERT INTO code (id) VALUES (?1)',
  'UPDATE code SET used = ?2 WHERE id = ?1 AND used IS NULL',
  'INSERT INTO audit (text) VALUES (?1)',
  'SELECT 1 FROM code WHERE id = ?1 AND used IS NULL',
  'INSERT INTO child (parent) VALUES (?1)',
  'INSERT INTO nowhere (id) VALUES (?1)',
  'INSERT INTO audit (text) VALUES (typeof(?1) || (?1 / 2))',
];
const definitions = STATEMENTS.map((sql, number) => [number, sql] as const);
const issue = (id: string): WireOperation => [0, 1, id];
const consume = (id: string): WireOperation => [1, 1, id, 7];
const audit = (text: string): WireOperation => [2, 1, text];
const alive = (id: string): WireOperation => [3, 1, id];
const orphan = (id: string): WireOperation => [4, 1, id];
const broken: WireOperation = [5, 1, 'x'];
const unit = (...operations: WireOperation[]): WireUnit => [operations, []];
const orElse = (operations: WireOperation[], ...fallback: WireOperation[]): WireUnit => [operations, fallback];

describe('a group of units on the writing connection', () => {
  let folder: string;
  let connection: SqliteConnection;
  let groups: Groups;
  let look: DatabaseSync;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'postern-groups-'));
    const file = join(folder, 'test.db');
    look = new DatabaseSync(file);
    look.exec(SCHEMA);
    connection = new SqliteConnection(file, { readOnly: false, busyMs: 0 });
    groups = new Groups(connection, 100);
  });
  afterEach(() => {
    connection.close();
    look.close();
    rmSync(folder, { recursive: true });
  });

  const run = (...units: WireUnit[]) => groups.run([definitions, units]);
  const audits = () =>
    look
      .prepare('SELECT text FROM audit ORDER BY rowid')
      .all()
      .map((row) => row.text);
  const codes = () =>
    look
      .prepare('SELECT id FROM code ORDER BY id')
      .all()
      .map((row) => row.id);

  it('commits every unit of the group', () => {
    expect(run(unit(issue('a'), audit('a')), unit(issue('b'), audit('b')))).toEqual([0, 0]);
    expect(codes()).toEqual(['a', 'b']);
  });

  it('gives a code to the first of its users and leaves nothing of the others', () => {
    run(unit(issue('code')));
    const outcomes = run(...[1, 2, 3].map((n) => unit(audit(`tokens of ${n}`), consume('code'))));
    expect(outcomes).toEqual([0, 2, 2]);
    expect(audits()).toEqual(['tokens of 1']);
  });

  it('stores the fallback of a unit that lost, and nothing else of it', () => {
    expect(run(orElse([audit('granted'), consume('missing')], audit('refused by us')))).toEqual([2]);
    expect(audits()).toEqual(['refused by us']);
  });

  it('fails a unit whose fallback cannot be stored', () => {
    expect(run(orElse([consume('missing')], audit('refused')))).toEqual([expect.objectContaining({ kind: 'sqlite' })]);
    expect(run(orElse([consume('missing')], audit('first'), consume('missing')))).toEqual([
      expect.objectContaining({ kind: 'sqlite' }),
    ]);
    expect(audits()).toEqual([]);
  });

  it('counts what a SELECT finds as its hit', () => {
    run(unit(issue('a')));
    expect(run(unit(alive('a')), unit(alive('b')), unit(consume('a')), unit(alive('a')))).toEqual([0, 1, 0, 1]);
  });

  it('counts a key that is there already as a lost operation', () => {
    expect(run(unit(issue('a')), unit(audit('twice'), issue('a')))).toEqual([0, 2]);
    expect(audits()).toEqual([]);
  });

  it('fails only the unit whose statement is refused', () => {
    const [first, second, third] = run(unit(audit('one')), unit(audit('refused')), unit(audit('three')));
    expect([first, third]).toEqual([0, 0]);
    expect(second).toMatchObject({ kind: 'sqlite' });
    expect(run(unit(broken), unit(audit('four')))).toEqual([expect.objectContaining({ kind: 'TableDoesNotExist' }), 0]);
    expect(audits()).toEqual(['one', 'three', 'four']);
  });

  it('runs the others again, one by one, when a unit takes the whole group along', () => {
    const outcomes = run(unit(audit('one')), unit(audit('bomb')), unit(audit('three')));
    expect(outcomes).toEqual([0, expect.objectContaining({ originalMessage: 'everything is gone' }), 0]);
    expect(audits()).toEqual(['one', 'three']);
  });

  it('repeats nothing after a failed COMMIT, whose outcome is unknown, and goes on with the next group', () => {
    const outcomes = run(unit(audit('one')), unit(orphan('nobody')));
    expect(outcomes).toEqual([
      expect.objectContaining({ kind: 'ConnectionClosed' }),
      expect.objectContaining({ kind: 'ConnectionClosed' }),
    ]);
    expect(audits()).toEqual([]);
    expect(run(unit(audit('next')))).toEqual([0]);
  });

  it('gives up when another connection holds the file for too long, and works once it is free', () => {
    look.exec('BEGIN IMMEDIATE');
    expect(run(unit(audit('late')))).toEqual([expect.objectContaining({ kind: 'SocketTimeout' })]);
    look.exec('ROLLBACK');
    expect(run(unit(audit('free')))).toEqual([0]);
    expect(audits()).toEqual(['free']);
  });

  it('binds whole numbers as integers', () => {
    run(unit([6, 1, 5]));
    expect(audits()).toEqual(['integer2']);
  });
});
