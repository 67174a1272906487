import type Router from '@koa/router';
import type { Operation } from '../../foundation/db/statement.ts';
import { mountSafeguards, type SafeguardPagesParts } from './pages.ts';
import { createTellNews, type TellNewsParts } from './tell-news.ts';

/**
 * Safeguards tells people what happens to their account without them, and owns the links in those notices: to open it
 * when it was locked. It decides neither when that is (throttle) nor who somebody is (users); it starts no session.
 */
export interface Safeguards {
  mount(router: Router): void;
  /** The operations that write down what was noticed since the last call, and tell whom it concerns. Commit them. */
  tellNews(): Promise<readonly Operation[]>;
}

export function createSafeguards(parts: SafeguardPagesParts & TellNewsParts): Safeguards {
  return { mount: (router) => mountSafeguards(router, parts), tellNews: createTellNews(parts) };
}
