/** What the pages of links need that come with a notice about one's account, as `pages.ts` says it. */

/** What a link does once its button is pressed. */
export type SafeguardKind = 'unlock' | 'not-me';

export interface ConfirmSafeguardLocals {
  readonly kind: SafeguardKind;
  readonly action: string;
  /** Whose account it is. */
  readonly email: string;
}

export interface SafeguardDoneLocals {
  readonly kind: 'unlock';
}
