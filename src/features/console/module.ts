import type Router from '@koa/router';
import { type ConsolePagesParts, mountConsole } from './pages.ts';

/**
 * Console owns `/` and what an administrator does there: seeing the apps and connecting one. It decides nothing about
 * clients (clients) or sessions (protocol); it only knows who may see what.
 */
export interface Console {
  mount(router: Router): void;
}

export function createConsole(parts: ConsolePagesParts): Console {
  return { mount: (router) => mountConsole(router, parts) };
}
