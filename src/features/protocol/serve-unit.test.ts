import type { Context } from 'koa';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { contextFor } from '../../../test/kit/context.ts';
import type { Database } from '../../foundation/db/database.ts';
import { storeError } from '../../foundation/db/errors.ts';
import { type Operation, statement, type Unit, type UnitOutcome } from '../../foundation/db/statement.ts';
import { AppError } from '../../foundation/errors.ts';
import { type Loss, losses } from './losses.ts';
import { serveUnit } from './serve-unit.ts';
import { writes } from './store.ts';
import { currentUnit, type UnitOfWork } from './unit.ts';

const AUDIT = statement('test.audit', 'INSERT');
const ISSUE = statement('test.issue', 'INSERT');
const USE = statement('test.use', 'UPDATE');
const audited = (loss?: Loss): Operation => ({ statement: AUDIT, params: [loss?.error ?? 'done'], mustHit: true });

describe('a request as one unit of work', () => {
  let committed: Unit[];
  let outcomes: (UnitOutcome | Error)[];
  let events: readonly Operation[] | undefined;
  let wait: number | undefined;
  let refused: { loss: Loss; retryAfter: number | undefined }[];

  beforeEach(() => {
    committed = [];
    outcomes = [];
    events = undefined;
    wait = undefined;
    refused = [];
  });

  const database = {
    async commit(unit: Unit): Promise<UnitOutcome> {
      committed.push(unit);
      const outcome = outcomes.shift() ?? { committed: true };
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  } as unknown as Database;
  const middleware = serveUnit({
    database,
    clock: { now: () => 7 },
    audit: (_ctx, _unit, loss) => events ?? [audited(loss)],
    origin: () => ({}),
    hold: () => wait,
    refuse(ctx, loss, retryAfter) {
      ctx.status = loss.status;
      refused.push({ loss, retryAfter });
    },
  });
  const names = () => committed.map(({ operations }) => operations.map((operation) => operation.statement.name));
  /** Serves a request in which the library does this, collecting a use and something issued first. */
  async function serve(status: number, more: (ctx: Context, unit: UnitOfWork) => void = () => {}) {
    const ctx = contextFor({ path: '/token' });
    const failed = vi.fn();
    ctx.app.on('error', failed);
    await middleware(ctx as never, async () => {
      const unit = currentUnit() as UnitOfWork;
      unit.add({ rank: 'row', key: 'token', statement: ISSUE, params: [], issues: true });
      unit.add({ rank: 'consume', key: 'code', statement: USE, params: [], loss: losses.grant });
      ctx.status = status;
      more(ctx, unit);
    });
    return { ctx, failed, unit: ctx.state['unit'] as UnitOfWork };
  }

  it('is committed with its audit after it was answered, and only then tells others', async () => {
    const tell = vi.fn(() => expect(committed).toHaveLength(1));
    const { unit } = await serve(200, (_, { afterCommit }) => afterCommit.push(tell));
    expect(names()).toEqual([['test.use', 'test.issue', 'test.audit']]);
    expect(tell).toHaveBeenCalledTimes(1);
    expect([unit.closed, unit.startedAt]).toEqual([true, 7]);
  });

  it('keeps uses of a refusal, and gives up what was issued', async () => {
    await serve(400);
    expect(names()).toEqual([['test.use', 'test.audit']]);
  });

  it('stores nothing of a failure', async () => {
    const tell = vi.fn();
    await serve(500, (_, { afterCommit }) => afterCommit.push(tell));
    expect([committed, refused]).toEqual([[], []]);
    expect(tell).not.toHaveBeenCalled();
  });

  it('says honestly when the database was the failure, and for how long', async () => {
    await serve(500, ({ state }) => Object.assign(state, { serverError: storeError('store_busy') }));
    await serve(500, ({ state }) => Object.assign(state, { serverError: new AppError('gone', 503, 'gone') }));
    await serve(500, ({ state }) => Object.assign(state, { serverError: new AppError('store_failed', 500, 'wrong') }));
    expect(refused.map(({ loss, retryAfter }) => [loss.status, retryAfter])).toEqual([
      [503, 1],
      [503, 1],
    ]);
    expect(committed).toEqual([]);
  });

  it('asks nothing of the database when there is nothing to store', async () => {
    events = [];
    await middleware(contextFor() as never, async () => {});
    expect(committed).toEqual([]);
  });

  it('is committed for its audit alone, too', async () => {
    await middleware(contextFor() as never, async () => {});
    expect(names()).toEqual([['test.audit']]);
  });

  it('ends sessions whose cookie went without another, and no others', async () => {
    await serve(200, (_, unit) => unit.endedSessions.add('uid'));
    expect(committed[0]?.operations.map((operation) => operation.statement)).toEqual(
      expect.arrayContaining([writes.endSession, writes.endCookies]),
    );
  });

  it('answers with the refusal of what was lost, stores that alone, and withdraws what it had set', async () => {
    outcomes = [{ committed: false, lostAt: 0 }];
    const tell = vi.fn();
    const { ctx } = await serve(200, ({ response }, { afterCommit }) => {
      response.set({ 'set-cookie': 'session=1', location: 'https://app.example/?code=1', 'x-request-id': 'r-1' });
      afterCommit.push(tell);
    });
    expect(refused).toEqual([{ loss: losses.grant, retryAfter: undefined }]);
    expect(committed[1]).toEqual({ operations: [audited(losses.grant)], fallback: [] });
    expect(ctx.response.headers).toEqual({ 'cache-control': 'no-store', 'x-request-id': 'r-1' });
    expect(tell).not.toHaveBeenCalled();
  });

  it('is unavailable when its audit cannot be stored: nothing happens without its event', async () => {
    outcomes = [{ committed: false, lostAt: 2 }];
    await serve(200);
    expect(refused).toMatchObject([{ loss: { status: 503 }, retryAfter: 1 }]);
  });

  it.each([
    ['the commit', [storeError('store_unavailable')]],
    ['the record of a refusal', [{ committed: false, lostAt: 0 }, storeError('store_busy')]],
  ])('is unavailable when %s fails, and operators are told', async (_, given) => {
    outcomes = given as (UnitOutcome | Error)[];
    const { failed } = await serve(200);
    expect(refused).toMatchObject([{ loss: { status: 503, error: 'temporarily_unavailable' }, retryAfter: 1 }]);
    expect(failed).toHaveBeenCalledTimes(1);
  });

  it('is not stored for strangers who store too much', async () => {
    wait = 30;
    await serve(200);
    expect(refused).toEqual([{ loss: losses.tooMany, retryAfter: 30 }]);
    expect(committed).toEqual([]);
  });

  describe('that a door refuses by throwing', () => {
    const throwing = (error: unknown, told: boolean) =>
      middleware(contextFor() as never, async () => {
        const unit = currentUnit() as UnitOfWork;
        unit.add({ rank: 'consume', key: 'code', statement: USE, params: [] });
        if (told) unit.events.push({} as never);
        throw error;
      });

    it('has its refusal recorded and nothing else, and goes on being refused', async () => {
      const error = new AppError('wrong', 401, 'wrong');
      await expect(throwing(error, true)).rejects.toBe(error);
      expect(names()).toEqual([['test.audit']]);
    });

    it.each([
      ['had nothing to tell', new AppError('wrong', 401, 'wrong'), false],
      ['failed', storeError('store_busy'), true],
      ['broke', new TypeError('broken'), true],
    ])('records nothing when it %s', async (_, error, told) => {
      await expect(throwing(error, told)).rejects.toBe(error);
      expect(committed).toEqual([]);
    });
  });
});
