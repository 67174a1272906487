import { beforeEach, describe, expect, it } from 'vitest';
import { storeError } from '../errors.ts';
import { type Operation, statement } from '../statement.ts';
import { commitUnit, createRetry, joiningWith, type Session, type Sessions } from './transactions.ts';

const hit: Operation = { statement: statement('hit', 'UPDATE a SET b = 1'), params: [], mustHit: true };
const miss: Operation = { statement: statement('miss', 'UPDATE a SET b = 1'), params: [], mustHit: true };
const mayMiss: Operation = { ...miss, mustHit: false };
const fail: Operation = { statement: statement('fail', 'UPDATE a SET b = 1'), params: [], mustHit: true };

describe('a unit in a transaction of a server', () => {
  let log: string[];
  const session: Session = {
    begin: async () => void log.push('begin'),
    async run({ statement: { name } }) {
      log.push(name);
      if (name === 'fail') throw new Error('failed');
      return name === 'hit' ? 1 : 0;
    },
    commit: async () => void log.push('commit'),
    rollback: async () => void log.push('rollback'),
  };
  const sessions: Sessions = (work) => work(session);

  beforeEach(() => {
    log = [];
  });

  it('runs the operations in order and commits', async () => {
    expect(await commitUnit(sessions, { operations: [hit, mayMiss, hit], fallback: [miss] })).toEqual({
      committed: true,
    });
    expect(log).toEqual(['begin', 'hit', 'miss', 'hit', 'commit']);
  });

  it('rolls back at the first operation that is lost, and stores the fallback in a transaction of its own', async () => {
    const outcome = await commitUnit(sessions, { operations: [hit, miss, hit], fallback: [hit] });
    expect(outcome).toEqual({ committed: false, lostAt: 1 });
    expect(log).toEqual(['begin', 'hit', 'miss', 'rollback', 'begin', 'hit', 'commit']);
  });

  it('needs no second transaction without a fallback', async () => {
    await commitUnit(sessions, { operations: [miss], fallback: [] });
    expect(log).toEqual(['begin', 'miss', 'rollback']);
  });

  it('rolls back and fails when an operation fails, or the fallback is lost', async () => {
    await expect(commitUnit(sessions, { operations: [hit, fail], fallback: [hit] })).rejects.toThrow('failed');
    expect(log).toEqual(['begin', 'hit', 'fail', 'rollback']);
    await expect(commitUnit(sessions, { operations: [miss], fallback: [miss] })).rejects.toMatchObject({
      code: 'store_failed',
    });
    expect(log.at(-1)).toBe('rollback');
  });

  it('stores nothing of a Prisma transaction when an operation that joined it is lost', async () => {
    const join = joiningWith(async (_, { statement: { name } }) => (name === 'hit' ? 1 : 0));
    const tx = {} as Parameters<typeof join>[0];
    await expect(join(tx, [hit, mayMiss, hit])).resolves.toBeUndefined();
    await expect(join(tx, [hit, miss])).rejects.toMatchObject({ code: 'store_conflict' });
  });
});

describe('trying again', () => {
  const deadlock = Object.assign(new Error('deadlock'), { code: '40P01' });

  it('repeats what the database gave up for another transaction', async () => {
    let count = 0;
    const attempt = () => (++count < 3 ? Promise.reject(deadlock) : Promise.resolve('done'));
    expect(await createRetry()(attempt)).toBe('done');
    expect(count).toBe(3);
  });

  it('gives up after a few attempts', async () => {
    let count = 0;
    const attempt = () => {
      count += 1;
      return Promise.reject(deadlock);
    };
    await expect(createRetry()(attempt)).rejects.toBe(deadlock);
    expect(count).toBe(5);
  });

  it.each([
    storeError('store_unavailable'),
    storeError('store_conflict', 'an operation found no row'),
    new Error('mistake'),
  ])('never repeats anything else: %s', async (error) => {
    let count = 0;
    const attempt = () => {
      count += 1;
      return Promise.reject(error);
    };
    await expect(createRetry()(attempt)).rejects.toBe(error);
    expect(count).toBe(1);
  });

  it('runs repetitions one at a time', async () => {
    const retry = createRetry();
    let under = 0;
    let most = 0;
    const work = () => {
      let first = true;
      return retry(async () => {
        if (first) {
          first = false;
          throw deadlock;
        }
        most = Math.max(most, ++under);
        await Promise.resolve();
        under -= 1;
      });
    };
    await Promise.all([work(), work(), work()]);
    expect(most).toBe(1);
  });
});
