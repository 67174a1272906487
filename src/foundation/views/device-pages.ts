/** What the pages of device authorization need (RFC 8628), as `pages.ts` says it. */

import type { AppOnPage, HiddenFields, ThrottledProblem } from './pages.ts';

export interface DeviceCodeInputLocals {
  readonly action: string;
  readonly hidden?: HiddenFields | undefined;
  /** What was typed. */
  readonly userCode?: string | undefined;
  readonly problem?: { readonly kind: 'missing' | 'not-found' | 'expired' | 'used' } | ThrottledProblem | undefined;
}

export interface DeviceConfirmLocals {
  readonly action: string;
  readonly hidden: HiddenFields;
  readonly app: AppOnPage;
  /** As it stands on the other device, such as `WDJB-MJHT`. */
  readonly userCode: string;
}

export interface DeviceDoneLocals {
  readonly outcome: 'connected' | 'refused';
  readonly app?: AppOnPage | undefined;
}
