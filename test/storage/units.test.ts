import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../src/foundation/db/database.ts';
import { databaseTime } from '../../src/foundation/db/database-time.ts';
import { openDatabase } from '../../src/foundation/db/open.ts';
import { type Operation, type Row, statement, type Unit, type Value } from '../../src/foundation/db/statement.ts';
import { createMigrated, ENGINES, ids, type Server } from './kit/engines.ts';

const ISSUE = statement('test.issue', 'INSERT INTO artifacts (id, kind, payload, expires_at) VALUES (?1, ?2, ?3, ?4)');
const CONSUME = statement(
  'test.consume',
  'UPDATE artifacts SET consumed_at = ?2 WHERE id = ?1 AND consumed_at IS NULL',
);
const ALIVE = statement('test.alive', 'SELECT 1 AS alive FROM artifacts WHERE id = ?1 AND consumed_at IS NULL');
const FIND = statement('test.find', 'SELECT * FROM artifacts WHERE id = ?1');
const BY_KIND = statement(
  'test.by-kind',
  'SELECT id, expires_at FROM artifacts WHERE kind = ?2 AND kind = ?2 AND expires_at > ?1 ORDER BY id',
);
const AUDIT = statement(
  'test.audit',
  "INSERT INTO audit_events (id, time, type, outcome, actor_kind, details, subject) VALUES (?1, ?2, ?3, 'success', 'system', '{}', ?4)",
);
const AUDITS = statement('test.audits', 'SELECT type FROM audit_events WHERE subject = ?1 ORDER BY id');
const COUNT = statement('test.count', 'SELECT count(*) AS n, sum(expires_at) AS total FROM artifacts WHERE kind = ?1');
const USER = statement(
  'test.user',
  "INSERT INTO users (id, email, email_key, email_verified, claims, created_at, updated_at) VALUES (?1, ?2, ?2, ?3, '{}', 1, 1)",
);
const VERIFIED = statement('test.verified', 'SELECT email_verified FROM users WHERE id = ?1');
const TOUCH = statement('test.touch', 'UPDATE artifacts SET payload = ?2 WHERE id = ?1');
const NOWHERE = statement('test.nowhere', 'UPDATE nowhere SET id = ?1');
const SECRET = statement(
  'test.secret',
  'INSERT INTO client_secrets (id, client_id, hash, created_at) VALUES (?1, ?2, ?1, 1)',
);

const LIMITED = statement('test.limited', {
  sqlite: 'SELECT 1',
  postgresql:
    "SELECT 1 WHERE current_setting('lock_timeout') = '500ms' AND current_setting('synchronous_commit') = 'on'",
  mysql:
    "SELECT 1 FROM DUAL WHERE @@innodb_lock_wait_timeout = 1 AND @@tx_isolation = 'READ-COMMITTED' AND @@sql_mode LIKE 'STRICT_TRANS_TABLES%'",
});

const NOW = 1_800_000_000_000;
const must = (of: typeof ISSUE, ...params: Value[]): Operation => ({ statement: of, params, mustHit: true });
const may = (of: typeof ISSUE, ...params: Value[]): Operation => ({ statement: of, params, mustHit: false });
const issue = (id: string, kind = 'code'): Operation => must(ISSUE, id, kind, '{}', NOW);
const audit = (type: string, subject: string): Operation => must(AUDIT, ids.next(), NOW, type, subject);
const unit = (...operations: Operation[]): Unit => ({ operations, fallback: [] });
const COMMITTED = { committed: true };
const lost = (lostAt: number) => ({ committed: false, lostAt });

describe.each(ENGINES)('units of work on $name', ({ engine, start }) => {
  let server: Server;
  let database: Database;
  let url: string;
  let key: string;

  beforeAll(async () => {
    server = await start();
    ({ database, url } = await createMigrated(server, 'units'));
  });
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });
  beforeEach(() => {
    key = ids.next();
  });

  const auditsOf = async (subject: string) => (await database.all<Row>(AUDITS, [subject])).map((row) => row.type);

  it('says that it keeps what it acknowledges', () => {
    expect(database.engine).toBe(engine);
    expect(database.durability.kept).toBe(true);
  });

  it('stores every operation of a unit, and reads it back at once', async () => {
    expect(await database.commit(unit(issue(key), audit('token.issued', key)))).toEqual(COMMITTED);
    const row = await database.get<Row>(FIND, [key]);
    expect(row).toMatchObject({ id: key, kind: 'code', payload: '{}', expires_at: NOW, consumed_at: null });
    expect(await auditsOf(key)).toEqual(['token.issued']);
  });

  it('finds nothing where nothing is', async () => {
    expect(await database.get(FIND, ['missing'])).toBeUndefined();
    expect(await database.all(FIND, ['missing'])).toEqual([]);
  });

  it('takes numbered parameters in any order and more than once', async () => {
    await database.commit(unit(issue(`${key}1`, key), issue(`${key}2`, key)));
    const rows = await database.all<Row>(BY_KIND, [NOW - 1, key]);
    expect(rows.map((row) => row.id)).toEqual([`${key}1`, `${key}2`]);
  });

  it('gives counts, sums and booleans as numbers', async () => {
    await database.commit(unit(issue(`${key}1`, key), issue(`${key}2`, key), must(USER, key, `${key}@example.org`, 1)));
    expect(await database.get<Row>(COUNT, [key])).toMatchObject({ n: 2, total: 2 * NOW });
    expect(await database.get<Row>(VERIFIED, [key])).toMatchObject({ email_verified: 1 });
  });

  it('keeps text as it is: letters of every script, signs beyond the basic plane, quotes and backslashes', async () => {
    const text = `Ünïcödé 漢字 🔑 عربى '"\\ \n\t ?1 $1`;
    await database.commit(unit(must(ISSUE, key, 'text', text, null)));
    expect(await database.get<Row>(FIND, [key])).toMatchObject({ payload: text, expires_at: null });
  });

  it('tells ids apart that differ in case alone', async () => {
    await database.commit(unit(issue(`${key}a`), issue(`${key}A`)));
    expect(await database.commit(unit(must(CONSUME, `${key}a`, NOW)))).toEqual(COMMITTED);
    expect(await database.get<Row>(FIND, [`${key}A`])).toMatchObject({ consumed_at: null });
  });

  it('stores nothing of a unit that loses, but its fallback', async () => {
    const refusal = {
      operations: [issue(key), must(CONSUME, 'missing', NOW)],
      fallback: [audit('token.refused', key)],
    };
    expect(await database.commit(refusal)).toEqual(lost(1));
    expect(await database.get(FIND, [key])).toBeUndefined();
    expect(await auditsOf(key)).toEqual(['token.refused']);
  });

  it('goes on past an operation that may miss', async () => {
    expect(await database.commit(unit(may(CONSUME, 'missing', NOW), issue(key)))).toEqual(COMMITTED);
  });

  it('treats a SELECT as a guard, which sees what the unit itself has done', async () => {
    expect(await database.commit(unit(issue(key), must(ALIVE, key)))).toEqual(COMMITTED);
    expect(await database.commit(unit(must(CONSUME, key, NOW), must(ALIVE, key)))).toEqual(lost(1));
    expect(await database.commit(unit(must(ALIVE, key)))).toEqual(COMMITTED);
  });

  it('counts an update that leaves the row as it was as a hit', async () => {
    await database.commit(unit(issue(key)));
    expect(await database.commit(unit(must(TOUCH, key, '{}')))).toEqual(COMMITTED);
  });

  it('counts a key that is there already as a lost operation', async () => {
    await database.commit(unit(issue(key)));
    expect(await database.commit(unit(audit('twice', key), issue(key)))).toEqual(lost(1));
    expect(await auditsOf(key)).toEqual([]);
  });

  it('rejects a unit whose statement no database would take, and serves the next one', async () => {
    await expect(database.commit(unit(issue(key), may(NOWHERE, 'x')))).rejects.toMatchObject({
      code: 'store_failed',
      status: 500,
    });
    await expect(database.get(NOWHERE, ['x'])).rejects.toMatchObject({ code: 'store_failed' });
    expect(await database.get(FIND, [key])).toBeUndefined();
    expect(await database.commit(unit(issue(key)))).toEqual(COMMITTED);
  });

  it('rejects a row that refers to nothing', async () => {
    await expect(database.commit(unit(may(SECRET, key, 'nobody')))).rejects.toMatchObject({
      code: 'store_missing',
      status: 404,
    });
  });

  it('fails a unit whose refusal cannot be recorded', async () => {
    await database.commit(unit(issue(key)));
    const refusal = { operations: [must(CONSUME, 'missing', NOW)], fallback: [audit('refused', key), issue(key)] };
    await expect(database.commit(refusal)).rejects.toMatchObject({ code: 'store_failed' });
    expect(await auditsOf(key)).toEqual([]);
  });

  it('gives a code to one of 64 racers from two openings of the database, and leaves nothing of the others', async () => {
    const other = await openDatabase({ url });
    try {
      for (let round = 0; round < 5; round++) {
        const code = `${key}-${round}`;
        await database.commit(unit(issue(code)));
        const racers = Array.from({ length: 64 }, (_, index) => {
          const racing = unit(must(CONSUME, code, NOW), issue(`${code}-token-${index}`, code));
          return (index % 2 === 0 ? database : other).commit(racing);
        });
        const winners = (await Promise.all(racers)).filter((outcome) => outcome.committed);
        expect(winners).toHaveLength(1);
        expect(await database.get<Row>(COUNT, [code])).toMatchObject({ n: 1 });
      }
    } finally {
      await other.close();
    }
  });

  it('serves units that lock the same rows in opposite order', async () => {
    await database.commit(unit(issue(`${key}a`), issue(`${key}b`)));
    const touching = (index: number): Unit => {
      const order = index % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
      return unit(...order.map((end) => must(TOUCH, `${key}${end}`, String(index))), audit('touched', key));
    };
    const outcomes = await Promise.all(Array.from({ length: 4 }, (_, index) => database.commit(touching(index))));
    expect(outcomes).toEqual(Array.from({ length: 4 }, () => COMMITTED));
    expect(await auditsOf(key)).toHaveLength(4);
  });

  it('keeps its limits on every connection that writes', async () => {
    const units = Array.from({ length: 16 }, () => database.commit(unit(must(LIMITED))));
    expect(await Promise.all(units)).toEqual(Array(16).fill(COMMITTED));
    const transactions = Array.from({ length: 4 }, () =>
      database.together(async (_tx, also) => also({ statement: LIMITED, params: [], mustHit: true })),
    );
    await Promise.all(transactions);
  });

  it('tells what time it is', async () => {
    expect(Math.abs((await databaseTime(database)) - Date.now())).toBeLessThan(2_000);
  });

  it('answers a ping', async () => {
    await expect(database.ping()).resolves.toBeUndefined();
  });
});
