import type Router from '@koa/router';
import type { Operation } from '../../foundation/db/statement.ts';
import type { By } from '../audit/module.ts';
import { type Arrival, createGreet, type GreetParts } from './greet.ts';
import { mountSafeguards, type SafeguardPagesParts } from './pages.ts';
import { createTellNews, type TellNewsParts } from './tell-news.ts';
import { type Expulsion, expel, sinceOf } from './throw-out.ts';

/**
 * Safeguards tells people what happens to their account without them, and owns the links in those notices: to open it
 * when it was locked, to throw everybody out after a sign-in that was not theirs. It decides neither when that is (throttle) nor who somebody is (users); it starts no session.
 */
export interface Safeguards {
  mount(router: Router): void;
  /** Makes a browser known, and tells its owner when it is another one than before. Commit what it returns with the sign-in. */
  greet(arrival: Arrival, userId: string): Promise<readonly Operation[]>;
  /**
   * Throws out whoever else may have been in since a time (milliseconds), or since a sign-in before it that its owner never
   * knew of. Commit the operations; `secret` is that of a link by which the owner sets a new password.
   */
  expel(
    expulsion: Omit<Expulsion, 'since'> & { readonly atLatest: number },
    by: By,
  ): Promise<{ readonly secret: string; readonly operations: readonly Operation[] }>;
  /** The operations that write down what was noticed since the last call, and tell whom it concerns. Commit them. */
  tellNews(): Promise<readonly Operation[]>;
}

export function createSafeguards(parts: SafeguardPagesParts & TellNewsParts & GreetParts): Safeguards {
  return {
    mount: (router) => mountSafeguards(router, parts),
    greet: createGreet(parts),
    expel: async (expulsion, by) =>
      expel(parts, { ...expulsion, since: await sinceOf(parts, expulsion.user.id, expulsion.atLatest) }, by),
    tellNews: createTellNews(parts),
  };
}
