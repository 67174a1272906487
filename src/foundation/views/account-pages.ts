/** What the pages of `/account` need, as `pages.ts` says it. */

import type {
  AppOnPage,
  BusyProblem,
  ConsentScope,
  HiddenFields,
  NewPasswordProblem,
  PasskeyOnPage,
  PasskeyProblem,
  StrengthMeter,
  ThrottledProblem,
} from './pages.ts';
import type { IdentityInList, ProviderOnPage, ProviderProblem } from './provider-pages.ts';
import type { CodeProblem, TotpOnPage } from './step-pages.ts';

/** One of a person's sign-ins. Times are milliseconds since the epoch. */
export interface SignInInList {
  readonly id: string;
  readonly startedAt: number;
  readonly lastSeenAt: number;
  /** What the browser and its system are called; left out where they do not say. */
  readonly browser?: string | undefined;
  readonly system?: string | undefined;
  /** Where it was used last. */
  readonly address?: string | undefined;
  /** Where that address is, in words; only with a file of places. */
  readonly place?: string | undefined;
  /** This browser's own. */
  readonly here: boolean;
}

/** An app that a person has let into their account. Times are milliseconds since the epoch. */
export interface AppInAccount {
  readonly clientId: string;
  readonly name: string;
  readonly host?: string | undefined;
  /** What it may see and do. */
  readonly scopes: readonly ConsentScope[];
  readonly firstAt: number;
  readonly lastAt: number;
  /** The operator's own, which is let in without a question. */
  readonly isOurs: boolean;
}

/** What an app asks a person for who is elsewhere. */
export interface ApprovalOnPage {
  readonly id: string;
  readonly app: AppOnPage;
  /** What the app shows as well. */
  readonly message?: string | undefined;
  readonly scopes: readonly ConsentScope[];
  /** Milliseconds since the epoch. */
  readonly until: number;
}

export interface ApprovalsLocals {
  /** How the signed-in person is called. */
  readonly account: string;
  readonly waiting: readonly ApprovalOnPage[];
  /** What became of the one before. */
  readonly done?: 'allowed' | 'denied' | 'over' | undefined;
}

/** One of a person's passkeys. Times are milliseconds since the epoch. */
export interface PasskeyInList {
  readonly id: string;
  /** Empty where the person gave none. */
  readonly name: string;
  readonly createdAt: number;
  readonly lastUsedAt?: number | undefined;
}

/** A browser that skips the second step until then, in milliseconds since the epoch. */
export interface RememberedInList extends Pick<SignInInList, 'id' | 'browser' | 'system'> {
  readonly rememberedUntil: number;
}

/** What was done on a page of the account, as the one that follows it says. */
export const accountDones = [
  'password',
  'factor-removed',
  'factor-added',
  'passkey-added',
  'passkey-renamed',
  'passkey-removed',
  'session',
  'app',
  'device',
  'profile',
  'identity-linked',
  'identity-unlinked',
] as const;

type AccountDone = (typeof accountDones)[number];

export interface AccountLocals {
  /** Given while nobody is signed in. */
  readonly signInHref?: string | undefined;
  readonly signedIn?:
    | {
        /** How the person is called: e-mail or username. */
        readonly account: string;
        /** What was done on the page before. */
        readonly done?: AccountDone | undefined;
        /** Left out where there are to be no second factors. */
        readonly factors?:
          | {
              readonly totp?: { readonly createdAt: number; readonly lastUsedAt?: number | undefined };
              readonly recoveryCodesLeft: number;
              /** Whether there is any factor that the codes could stand in for. */
              readonly any: boolean;
              /** Whether an app may be set up. */
              readonly mayAdd: boolean;
            }
          | undefined;
        readonly passkeys: {
          readonly list: readonly PasskeyInList[];
          /** Makes one; left out where the sign-in is not fresh, or there are as many as there may be. */
          readonly add?: PasskeyOnPage | undefined;
          /** Leads to a fresh sign-in. */
          readonly addHref?: string | undefined;
          readonly problem?: PasskeyProblem | 'taken' | 'last' | undefined;
        };
        /** Identities at other providers, and those that may be connected. */
        readonly identities: {
          readonly list: readonly IdentityInList[];
          readonly providers: readonly ProviderOnPage[];
          readonly problem?:
            | { readonly why: ProviderProblem; readonly provider: string }
            | { readonly why: 'last' }
            | undefined;
        };
        /** Left out for who has none. */
        readonly password?:
          | {
              /** Characters that a new one must have. */
              readonly minLength: number;
              readonly meter?: StrengthMeter | undefined;
              readonly problem?:
                | { readonly kind: 'missing' | 'wrong' }
                | { readonly kind: 'refused'; readonly reason: NewPasswordProblem }
                | ThrottledProblem
                | BusyProblem
                | undefined;
            }
          | undefined;
        /** Browsers that skip the second step. */
        readonly devices: readonly RememberedInList[];
        readonly sessions: readonly SignInInList[];
        readonly apps: readonly AppInAccount[];
      }
    | undefined;
}

/** What is wrong with a password or code that somebody had to type once more. */
export type AgainProblem = { readonly kind: 'missing' | 'wrong' } | ThrottledProblem | BusyProblem;

export interface DeleteAccountLocals {
  readonly account: string;
  /** For how many days it can be undone. */
  readonly graceDays: number;
  readonly proving: 'password' | 'code' | 'nothing';
  /** Whether a mail with the way back can be sent. */
  readonly mails: boolean;
  readonly problem?: { readonly kind: 'last-administrator' } | AgainProblem | undefined;
}

/** An account that is to be erased, and the way back. */
export interface LeavingLocals {
  readonly dueAt: number;
  readonly undoAction: string;
}

export interface ReturnedLocals {
  readonly signInHref: string;
}

/** Something that happened with a person's account. */
export interface EventOnPage {
  /** Names the words for it; those that have none are told in general. */
  readonly type: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The app it was about. */
  readonly app?: string | undefined;
  readonly ip?: string | undefined;
  /** Where that address is, in words; only with a file of places. */
  readonly place?: string | undefined;
  /** Not by the person, nor by somebody who said to be them. */
  readonly byOperator: boolean;
}

export interface ActivityLocals {
  readonly events: readonly EventOnPage[];
  /** Where those before them stand. */
  readonly earlierHref?: string | undefined;
}

type ProfileField = 'name' | 'given_name' | 'family_name' | 'nickname' | 'website' | 'picture' | 'zoneinfo' | 'locale';

export interface ProfileLocals {
  /** What is kept, or what was typed. */
  readonly form: Readonly<Record<ProfileField, string>>;
  readonly problems: Partial<Record<ProfileField, 'long' | 'invalid'>>;
}

export interface EmailLocals {
  /**
   * - `ask`: the form
   * - `sent`: the same for every address, whether somebody else has it or not
   * - `off`: there is no mail server, so no address can be confirmed
   */
  readonly state: 'ask' | 'sent' | 'off';
  /** The address as it is. */
  readonly email: string;
  /** What was typed. */
  readonly wanted?: string | undefined;
  /** What has to be typed beside it. */
  readonly proving: 'password' | 'code' | 'nothing';
  readonly problem?: { readonly kind: 'email-missing' | 'email-invalid' | 'email-same' } | AgainProblem | undefined;
}

export interface ConfirmAddressLocals {
  readonly action: string;
  /** The new address. */
  readonly email: string;
  /** True where its person is not signed in. */
  readonly needsPassword: boolean;
  readonly problem?: AgainProblem | undefined;
}

export interface UndoAddressLocals {
  readonly action: string;
  readonly formerEmail: string;
  readonly email: string;
  /** True when another account has the former address by now. */
  readonly isTaken: boolean;
}

export interface AddressDoneLocals {
  readonly what: 'changed' | 'undone';
  readonly passwordHref: string;
}

export interface AuthenticatorLocals {
  readonly totp: TotpOnPage;
  readonly problem?: CodeProblem | undefined;
}

export interface RemoveFactorLocals {
  readonly action: string;
  readonly hidden?: HiddenFields | undefined;
  /** The name of the passkey that is to be removed, empty where it has none; left out for the app. */
  readonly passkeyName?: string | undefined;
  /** Whether nothing is left beside the password then. */
  readonly last: boolean;
  /** Shows a factor by a passkey instead of a code; given to who has one. */
  readonly confirm?: PasskeyOnPage | undefined;
  readonly confirmProblem?: PasskeyProblem | undefined;
  readonly problem?: CodeProblem | undefined;
}

export interface NewRecoveryCodesLocals {
  /** Shown this once. */
  readonly recoveryCodes: readonly string[];
}
