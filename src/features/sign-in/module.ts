import type Router from '@koa/router';
import type { Passkeys } from '../passkeys/module.ts';
import type { Passwords } from '../passwords/module.ts';
import type { Throttle } from '../throttle/module.ts';
import type { Users } from '../users/module.ts';
import { createCheckLogin } from './check-login.ts';
import { mountSignIn, type OtherSteps, type SignInPagesParts } from './pages.ts';
import { mountPasskeySignIn } from './passkey-pages.ts';

export type { ShowStep, SignInAttempt } from './pages.ts';

/**
 * Sign-in owns the dispatcher that decides which step a person takes next, and the step of proving who they are, by
 * password or by passkey. It starts no session: it tells protocol who it is, and how that was proven. Consent and mfa show their own
 * steps, handed in by the composition root, because steps never lead to one another.
 */
export interface SignIn {
  /** Adds the pages below `/interaction/:uid`. */
  mount(router: Router, otherSteps: OtherSteps): void;
}

export function createSignIn(
  parts: Omit<SignInPagesParts, 'checkLogin'> & {
    users: Users;
    passwords: Passwords;
    passkeys: Passkeys;
    throttle: Throttle;
  },
): SignIn {
  const checkLogin = createCheckLogin(parts);
  return {
    mount(router, otherSteps) {
      mountSignIn(router, { ...parts, checkLogin }, otherSteps);
      mountPasskeySignIn(router, { ...parts, checkLogin });
    },
  };
}
