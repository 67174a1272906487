import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../foundation/observe/log.ts';

/** How long requests in flight may take to finish, in milliseconds; the whole shutdown stays below ten seconds. */
const drainMs = 7_000;
/** How long everything else may take to close, in milliseconds. */
const closeMs = 1_500;

/** Stops accepting, lets what is under way finish, then cuts what is left. */
export async function drain(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearTimeout(cut);
}

/**
 * Takes the steps in their order. One that fails is logged and does not keep the next from being taken, and all together
 * take no longer than the limit: a database or a relying party that is gone must not keep the server from ending. Nothing
 * is lost by that: whatever was acknowledged is on disk, and what was to be delivered is delivered after the next start.
 */
export async function closeInTime(
  steps: readonly (() => Promise<unknown>)[],
  log: Pick<Log, 'warn'>,
  limitMs = closeMs,
): Promise<void> {
  const closing = (async () => {
    for (const step of steps) await step().catch((error: unknown) => log.warn({ err: error }, 'closing failed'));
    return true;
  })();
  const inTime = await Promise.race([closing, delay(limitMs, false, { ref: false })]);
  if (!inTime) log.warn({}, 'what was still under way was left behind');
}
