import type Router from '@koa/router';
import type { By } from '../audit/module.ts';
import { mountSetUp, type SetUpPagesParts } from './pages.ts';

/**
 * Set-up owns the way from an empty installation to its first administrator: a link that works once, for a day, printed
 * by the process itself. There is no default password, and whoever comes first wins nothing. The link itself is kept by
 * users, the session by protocol.
 */
export interface SetUp {
  /** A fresh link while there is no administrator; former ones stop working. Undefined once there is one. */
  link(): Promise<string | undefined>;
  mount(router: Router): void;
}

const linkSeconds = 24 * 60 * 60;
const byStart: By = { actor: { kind: 'system', name: 'start' }, facts: {} };

export function createSetUp(parts: SetUpPagesParts & { issuer: string }): SetUp {
  return {
    async link() {
      if (await parts.users.hasAdministrator()) return undefined;
      const { secret } = await parts.users.links.create('set-up', { ttlSeconds: linkSeconds }, byStart);
      return setUpUrl(parts.issuer, secret);
    },
    mount: (router) => mountSetUp(router, parts),
  };
}

/** The address of the set-up page for a link's secret. */
export const setUpUrl = (issuer: string, secret: string): string => `${issuer}/setup?key=${secret}`;
