import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Interaction } from '../protocol/module.ts';
import { type ConsentPagesParts, mountConsent, showConsent } from './pages.ts';

export { type DescribeParts, describeScopes } from './describe-scopes.ts';

/**
 * Consent owns the question what an app may see and do, and its answer. What was allowed is kept by protocol, as the
 * grant that everything issued hangs on; which apps are never asked about is the operator's word (`first_party`).
 */
export interface Consent {
  /** Shows the step; given to sign-in's dispatcher. */
  show(ctx: Context, interaction: Interaction): Promise<void>;
  mount(router: Router): void;
}

export function createConsent(parts: ConsentPagesParts): Consent {
  return { show: showConsent(parts), mount: (router) => mountConsent(router, parts) };
}
