import type { Context, Middleware } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { AppError } from '../../foundation/errors.ts';
import { doorState } from '../../foundation/http/door.ts';
import { type Loss, losses } from './losses.ts';
import { writes } from './store.ts';
import type { Entry, Origin } from './unit.ts';
import { operationOf, runInUnit, UnitOfWork } from './unit.ts';

export interface ServeUnitOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Audit of what happened, and of a loss instead. */
  readonly audit: (ctx: Context, unit: UnitOfWork, loss?: Loss) => readonly Operation[];
  /** The browser that the request came from, for the account. */
  readonly origin: (ctx: Context, accountId: string) => Origin;
  /** Seconds to wait when this would store too much for a stranger. */
  readonly hold: (ctx: Context, unit: UnitOfWork) => number | undefined;
  /** Answers with the loss as the route's readers expect it: JSON or a page. */
  readonly refuse: (ctx: Context, loss: Loss, retryAfter?: number) => Promise<void> | void;
}

const unavailable: Loss = {
  status: 503,
  error: 'temporarily_unavailable',
  description: 'the server cannot store this right now; nothing was done',
};

/**
 * A request is one unit of work: what is stored while it is served commits once, after the answer is known and before
 * it is sent. On 5xx nothing is stored; on 4xx what would hand out something new is dropped, while consumptions,
 * endings and audit stay; who lost a race gets the refusal that the route prescribes, and leaves nothing behind.
 */
export function serveUnit(options: ServeUnitOptions): Middleware {
  return async (ctx, next) => {
    const unit = new UnitOfWork(options.clock.now());
    unit.address = () => doorState(ctx).facts.ip;
    unit.origin = (accountId) => options.origin(ctx, accountId);
    ctx.state['unit'] = unit;
    await runInUnit(unit, next).catch((error: unknown) => recordRefusal(options, { ctx, unit, error }));
    const entries = closeUnit(unit, ctx.status, options.clock.now());
    if (ctx.status >= 500) return tellOutage(options, ctx);
    const wait = options.hold(ctx, unit);
    if (wait !== undefined) return refuse(options, ctx, losses.tooMany, wait);
    const audit = options.audit(ctx, unit);
    const isEmpty = entries.length === 0 && audit.length === 0;
    const loss = isEmpty ? undefined : await commit(options, { ctx, unit, entries, audit });
    if (!loss) {
      for (const tell of unit.afterCommit) tell();
      return;
    }
    return refuse(options, ctx, loss, loss.status === 503 ? 1 : undefined);
  };
}

/** A door that refuses by throwing has its refusal recorded all the same; nothing else of the unit is stored. Throws the error. */
async function recordRefusal(
  options: ServeUnitOptions,
  { ctx, unit, error }: { ctx: Context; unit: UnitOfWork; error: unknown },
): Promise<never> {
  unit.closed = true;
  const isRefusal = error instanceof AppError && error.status < 500 && unit.events.length > 0;
  if (isRefusal) await options.database.commit({ operations: options.audit(ctx, unit), fallback: [] });
  throw error;
}

/** The library calls every failure a 500; for a database that does not answer, the honest word is 503, with the next try. */
async function tellOutage(options: ServeUnitOptions, ctx: Context): Promise<void> {
  const error: unknown = ctx.state['serverError'];
  if (error instanceof AppError && error.status === 503) await refuse(options, ctx, unavailable, error.retryAfter ?? 1);
}

/** What was answered and set belongs to something that did not happen. */
async function refuse(options: ServeUnitOptions, ctx: Context, loss: Loss, retryAfter?: number): Promise<void> {
  for (const name of ['set-cookie', 'location', 'content-type', 'content-length']) ctx.remove(name);
  ctx.set('cache-control', 'no-store');
  await options.refuse(ctx, loss, retryAfter);
}

/**
 * Closes the unit: nothing is collected any more. Returns what is left to commit under an answer with this status, in
 * lock order.
 *
 * @param now milliseconds since the epoch
 */
export function closeUnit(unit: UnitOfWork, status: number, now: number): readonly Entry[] {
  unit.closed = true;
  if (status >= 500) return [];
  if (status >= 400) unit.dropIssued();
  endSessions(unit, now);
  return unit.ordered();
}

/** What kept the unit from being committed, if anything did. */
async function commit(
  options: ServeUnitOptions,
  work: { ctx: Context; unit: UnitOfWork; entries: readonly Entry[]; audit: readonly Operation[] },
): Promise<Loss | undefined> {
  const { ctx, unit, entries, audit } = work;
  const { database } = options;
  try {
    const outcome = await database.commit({ operations: [...entries.map(operationOf), ...audit], fallback: [] });
    if (outcome.committed) return undefined;
    const loss = entries[outcome.lostAt]?.loss ?? unavailable;
    // Nothing of the unit is stored; what is left to record is the refusal.
    await database.commit({ operations: options.audit(ctx, unit, loss), fallback: [] });
    return loss;
  } catch (cause) {
    ctx.app.emit('error', cause, ctx);
    return unavailable;
  }
}

/** Ends the sessions whose cookie was destroyed and not saved anew: those were rotations. */
function endSessions(unit: UnitOfWork, now: number): void {
  for (const uid of unit.endedSessions) {
    const session = sha256(uid);
    unit.add({ rank: 'session', key: session, statement: writes.endSession, params: [session, now, unit.endReason] });
    unit.add({ rank: 'ending', key: session, statement: writes.endCookies, params: [session, now] });
  }
}
