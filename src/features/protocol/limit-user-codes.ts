import type { Middleware } from 'koa';
import { doorState } from '../../foundation/http/door.ts';
import type { Throttle } from '../throttle/module.ts';
import type { DeviceTyping } from './device-pages.ts';
import { routes } from './routes.ts';

/**
 * RFC 8628 §5.1: a user code is short, so that whoever may try without end finds a stranger's and connects their own
 * account to that stranger's device, or a device to a victim who confirms. Codes that do not exist count per address;
 * right ones neither count nor clear the count, or one's own code would buy the next ten guesses.
 */
export function limitUserCodes(throttle: Throttle): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== routes.code_verification || ctx.method !== 'POST') return next();
    const address = doorState(ctx).facts.ip;
    const typing: DeviceTyping = {};
    ctx.state['deviceTyping'] = typing;
    const entry = throttle.enter({ account: `user codes from ${address ?? 'nowhere'}`, address });
    if (entry.allowed) {
      await next();
      entry.settle(typing.problem === 'not-found' ? 'failed' : 'abandoned');
      return undefined;
    }
    typing.retryAfterSeconds = entry.retryAfterSeconds;
    // Answered as if the page had been opened: the form is not even read.
    ctx.method = 'GET';
    await next();
    ctx.method = 'POST';
    return undefined;
  };
}
