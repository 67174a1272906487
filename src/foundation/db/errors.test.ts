import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.ts';
import { storeError, translate, translateKnown, unreachable, violates, wasGivenUp } from './errors.ts';

const error = (properties: object, message = 'x') => Object.assign(new Error(message), properties);
const inPrisma = (cause: object) => error({ code: 'P2010', meta: { driverAdapterError: { cause } } });

describe('translating errors of drivers and of Prisma', () => {
  it.each([
    ['SQLite: held by another process', { errcode: 5 }, 'store_busy'],
    ['SQLite: held, extended code', { errcode: 517 }, 'store_busy'],
    ['SQLite: disk full', { errcode: 13 }, 'store_unavailable'],
    ['SQLite: I/O error, extended code', { errcode: 778 }, 'store_unavailable'],
    ['SQLite: unique index', { errcode: 2067 }, 'store_unique'],
    ['SQLite: primary key', { errcode: 1555 }, 'store_unique'],
    ['SQLite: foreign key', { errcode: 787 }, 'store_missing'],
    ['SQLite: a mistake', { errcode: 1 }, 'store_failed'],
    ['PostgreSQL: unique index', { code: '23505' }, 'store_unique'],
    ['PostgreSQL: foreign key', { code: '23503' }, 'store_missing'],
    ['PostgreSQL: deadlock', { code: '40P01' }, 'store_conflict'],
    ['PostgreSQL: lock timeout', { code: '55P03' }, 'store_busy'],
    ['PostgreSQL: statement timeout', { code: '57014' }, 'store_busy'],
    ['PostgreSQL: shutting down', { code: '57P01' }, 'store_unavailable'],
    ['PostgreSQL: too many connections', { code: '53300' }, 'store_busy'],
    ['PostgreSQL: wrong password', { code: '28P01' }, 'store_unavailable'],
    ['PostgreSQL: read-only after a failover', { code: '25006' }, 'store_unavailable'],
    ['PostgreSQL: a mistake', { code: '42P01' }, 'store_failed'],
    ['PostgreSQL: raised by a function', { code: 'P0001' }, 'store_failed'],
    ['MariaDB: duplicate key', { errno: 1062 }, 'store_unique'],
    ['MariaDB: foreign key', { errno: 1452 }, 'store_missing'],
    ['MariaDB: deadlock', { errno: 1213 }, 'store_conflict'],
    ['MariaDB: lock wait', { errno: 1205 }, 'store_busy'],
    ['MariaDB: socket closed', { errno: 45009 }, 'store_unavailable'],
    ['MariaDB: a mistake', { errno: 1146 }, 'store_failed'],
    ['socket: refused', { code: 'ECONNREFUSED', errno: -111 }, 'store_unavailable'],
    ['socket: reset', { code: 'ECONNRESET' }, 'store_unavailable'],
    ['Prisma: unique', { code: 'P2002' }, 'store_unique'],
    ['Prisma: not found', { code: 'P2025' }, 'store_missing'],
    ['Prisma: conflict', { code: 'P2034' }, 'store_conflict'],
    ['Prisma: transaction over', { code: 'P2028' }, 'store_busy'],
    ['Prisma: unreachable', { code: 'P1001' }, 'store_unavailable'],
  ])('%s', (_, properties, code) => {
    expect(translate(error(properties))).toMatchObject({ code });
  });

  it.each([
    ['Query read timeout', 'store_unavailable'],
    ['Connection terminated unexpectedly', 'store_unavailable'],
    ['timeout exceeded when trying to connect', 'store_busy'],
    ['something else', 'store_failed'],
  ])('a driver error that only says %j', (message, code) => {
    expect(translate(new Error(message))).toMatchObject({ code });
  });

  it.each([
    ['(pool connections: active=4 idle=0 limit=4)', 'store_busy'],
    ['(pool connections: active=0 idle=0 limit=4)', 'store_unavailable'],
  ])('tells a full pool of MariaDB from one that cannot connect: %s', (counts, code) => {
    const text = `retrieve connection from pool timeout after 2003ms\n    ${counts}`;
    expect(translate(error({ errno: 45028 }, text))).toMatchObject({ code });
  });

  it.each([
    [{ kind: 'UniqueConstraintViolation' }, 'store_unique'],
    [{ kind: 'TransactionAlreadyClosed' }, 'store_busy'],
    [{ kind: 'ConnectionClosed' }, 'store_unavailable'],
    [{ kind: 'postgres', code: '40001' }, 'store_conflict'],
    [{ kind: 'mysql', code: 1205 }, 'store_busy'],
    [{ kind: 'sqlite', extendedCode: 13 }, 'store_unavailable'],
  ])('looks beneath a raw statement of Prisma: %j', (cause, code) => {
    expect(translate(inPrisma(cause))).toMatchObject({ code });
  });

  it('gives people the words, programs the code, and operators the cause', () => {
    const cause = error({ code: '23505' }, 'duplicate key value violates unique constraint "users_email_key_key"');
    const translated = translate(cause);
    expect(translated).toMatchObject({ code: 'store_unique', status: 409, cause });
    expect(translated.message).not.toContain('constraint');
  });

  it('says when to come back where that helps', () => {
    expect(storeError('store_busy')).toMatchObject({ status: 503, retryAfter: 1 });
    expect(storeError('store_unique').retryAfter).toBeUndefined();
  });

  it('leaves errors alone that no database threw', () => {
    const own = new AppError('weak_password', 400, 'Choose a longer one.');
    expect(translate(own)).toBe(own);
    expect(translateKnown(own)).toBe(own);
    const mistake = new TypeError('x is not a function');
    expect(translateKnown(mistake)).toBe(mistake);
    expect(translateKnown('text')).toBe('text');
    expect(translate(mistake)).toMatchObject({ code: 'store_failed', cause: mistake });
  });

  it('does not follow causes for ever', () => {
    const loop: { cause?: unknown } = {};
    loop.cause = loop;
    expect(translate(loop)).toMatchObject({ code: 'store_failed' });
  });
});

describe('asking what an error is about', () => {
  it.each([
    ['SQLite', { kind: 'UniqueConstraintViolation', constraint: { fields: ['email_key'] } }],
    ['PostgreSQL through Prisma', { kind: 'UniqueConstraintViolation', constraint: { index: 'users_email_key_key' } }],
    [
      'PostgreSQL through Prisma, by columns',
      { kind: 'UniqueConstraintViolation', constraint: { fields: ['"email_key"'] } },
    ],
    ['PostgreSQL', { code: '23505', constraint: 'users_email_key_key' }],
  ])('knows the column whose value is taken: %s', (_, fault) => {
    const known = translate(fault);
    expect(violates(known, 'email_key')).toBe(true);
    expect(violates(known, 'username_key')).toBe(false);
  });

  it('knows a transaction that may be run again', () => {
    for (const code of ['40001', '40P01', '55P03', 'P2034']) expect(wasGivenUp(translate(error({ code })))).toBe(true);
    expect(wasGivenUp(inPrisma({ kind: 'TransactionWriteConflict' }))).toBe(true);
    expect(wasGivenUp(error({ errno: 1205 }))).toBe(true);
    expect(wasGivenUp(storeError('store_conflict', 'an operation found no row'))).toBe(false);
    expect(wasGivenUp(error({ code: '23505' }))).toBe(false);
  });

  it('names a database that cannot be reached, and what to look at', () => {
    const refused = unreachable('postern at db:5432', error({ code: 'ECONNREFUSED' }, ''));
    expect(refused.message).toBe(
      'The database postern at db:5432 cannot be reached (ECONNREFUSED). Check databaseUrl, and that its server runs.',
    );
  });
});
