import type Router from '@koa/router';
import type { Account } from '../features/account/module.ts';
import type { Addresses } from '../features/addresses/module.ts';
import type { Consent } from '../features/consent/module.ts';
import type { Console } from '../features/console/module.ts';
import type { Deletions } from '../features/deletions/module.ts';
import type { EmailSignIns } from '../features/email-sign-in/module.ts';
import type { Federation } from '../features/federation/module.ts';
import type { MfaPages } from '../features/mfa/module.ts';
import type { createPasskeyPages } from '../features/passkeys/module.ts';
import type { PasswordPages } from '../features/passwords/module.ts';
import type { Recovery } from '../features/recovery/module.ts';
import type { Registrations } from '../features/registration/module.ts';
import type { Safeguards } from '../features/safeguards/module.ts';
import type { SetUp } from '../features/set-up/module.ts';
import type { ShowStep, SignIn } from '../features/sign-in/module.ts';

export interface Pages {
  readonly signIn: SignIn;
  readonly consent: Consent;
  readonly mfa: MfaPages;
  readonly passkeys: ReturnType<typeof createPasskeyPages>;
  readonly passwordPages: PasswordPages;
  readonly account: Account;
  readonly addresses: Addresses;
  readonly deletions: Deletions;
  readonly setUp: SetUp;
  readonly console: Console;
  readonly recovery: Recovery;
  readonly registrations: Registrations;
  readonly emailSignIns: EmailSignIns;
  readonly safeguards: Safeguards;
  readonly federation: Federation;
}

/** Mounts every feature's pages. */
export function mountPages(router: Router, pages: Pages): void {
  const { signIn, consent, mfa, passkeys, passwordPages, account, addresses, deletions, recovery, ...others } = pages;
  const { registrations, emailSignIns, safeguards, federation, setUp, console } = others;
  const showConsent: ShowStep = (ctx, interaction) => consent.show(ctx, interaction);
  signIn.mount(router, { ...mfa.steps, ...passwordPages.steps, consent: showConsent });
  consent.mount(router);
  mfa.mount(router);
  passkeys.mount(router);
  passwordPages.mount(router);
  account.mount(router);
  addresses.mount(router);
  deletions.mount(router);
  recovery.mount(router);
  registrations.mount(router);
  emailSignIns.mount(router);
  safeguards.mount(router);
  federation.mount(router);
  setUp.mount(router);
  console.mount(router);
}
