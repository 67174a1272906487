import type Router from '@koa/router';
import type { Consent } from '../features/consent/module.ts';
import type { Console } from '../features/console/module.ts';
import type { Recovery } from '../features/recovery/module.ts';
import type { SetUp } from '../features/set-up/module.ts';
import type { SignIn } from '../features/sign-in/module.ts';

export interface Pages {
  readonly signIn: SignIn;
  readonly consent: Consent;
  readonly setUp: SetUp;
  readonly console: Console;
  readonly recovery: Recovery;
}

/** Mounts every feature's pages. */
export function mountPages(router: Router, { signIn, consent, setUp, console, recovery }: Pages): void {
  signIn.mount(router, { consent: (ctx, interaction) => consent.show(ctx, interaction) });
  consent.mount(router);
  recovery.mount(router);
  setUp.mount(router);
  console.mount(router);
}
