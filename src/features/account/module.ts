import type Router from '@koa/router';
import type { Passwords, Person } from '../passwords/module.ts';
import { type ApprovalPagesParts, mountApprovals } from './approval-pages.ts';
import { createChangePassword } from './change-password.ts';
import { mountIdentities } from './identity-pages.ts';
import { type AccountPagesParts, mountAccount, showAccount } from './pages.ts';
import { mountPasskeys } from './passkey-pages.ts';
import { createProveAgain } from './prove-again.ts';
import { mountRemovals } from './removal-pages.ts';

/**
 * Account owns `/account`, where people look after their own account: second factors, password, sign-ins. It stores
 * nothing: factors are mfa's, passwords the passwords room's, sign-ins protocol's. It decides what needs a fresh sign-in,
 * and sends people through the front door for it.
 */
export interface Account {
  mount(router: Router): void;
}

export function createAccount(
  parts: Omit<AccountPagesParts, 'changePassword' | 'proveAgain' | 'meter'> &
    ApprovalPagesParts & { passwords: Passwords },
): Account {
  const changePassword = createChangePassword(parts);
  const proveAgain = createProveAgain(parts);
  const within = { ...parts, changePassword, proveAgain, meter: (person: Person) => parts.passwords.meter(person) };
  return {
    mount(router) {
      mountAccount(router, within);
      mountPasskeys(router, within);
      mountRemovals(router, within);
      mountApprovals(router, within);
      mountIdentities(router, within, (ctx, visitor, { problem, status }) =>
        showAccount(ctx, within, visitor, { identityProblem: problem, status }),
      );
    },
  };
}
