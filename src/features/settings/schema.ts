import { z } from 'zod';
import { passwordSettings } from './password-schema.ts';
import { whole } from './rules.ts';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * No token that is checked by its signature alone may live longer than this (seconds). It bounds the settings and the
 * `access_token_ttl` of resources, and says how long a retired key must stay published.
 */
export const longestTokenLifetime = day;

/** Every setting with its bounds, default and meaning. Durations are seconds. */
export const settingsSchema = z
  .strictObject({
    lifetimes: z
      .strictObject({
        accessToken: whole({
          min: 1,
          max: longestTokenLifetime,
          standard: 10 * minute,
          means: 'How long an access token is valid, in seconds.',
        }),
        idToken: whole({
          min: 1,
          max: longestTokenLifetime,
          standard: hour,
          means: 'How long an ID token is valid, in seconds.',
        }),
        refreshTokenIdle: whole({
          min: 1,
          max: 365 * day,
          standard: 14 * day,
          means: 'After how many seconds without use a refresh token ends.',
        }),
        refreshTokenAbsolute: whole({
          min: 1,
          max: 730 * day,
          standard: 90 * day,
          means: 'After how many seconds a family of refresh tokens ends, used or not.',
        }),
        authorizationCode: whole({
          min: 1,
          max: 10 * minute,
          standard: minute,
          means: 'How long an authorization code is valid, in seconds.',
        }),
        sessionIdle: whole({
          min: 1,
          max: 90 * day,
          standard: 12 * hour,
          means: 'After how many seconds without use a sign-in session ends.',
        }),
        sessionAbsolute: whole({
          min: 1,
          max: 365 * day,
          standard: 7 * day,
          means: 'After how many seconds a sign-in session ends, used or not.',
        }),
      })
      .prefault({}),
    refresh: z
      .strictObject({
        graceSeconds: whole({
          min: 0,
          max: 300,
          standard: 10,
          means: 'For how many seconds a repeated refresh gets the same successor.',
        }),
      })
      .prefault({}),
    keys: z
      .strictObject({
        rotateEvery: whole({
          min: 1,
          max: 730 * day,
          standard: 90 * day,
          means: 'After how many seconds a signing key is replaced.',
        }),
        publishAhead: whole({
          min: 0,
          max: 30 * day,
          standard: day,
          means: 'For how many seconds a signing key is published before it signs.',
        }),
      })
      .prefault({}),
    password: passwordSettings,
    mfa: z
      .strictObject({
        policy: z
          .enum(['off', 'optional', 'required'])
          .default('optional')
          .describe(
            'Second factors: nobody is asked for one (`off`), whoever has set one up is (`optional`), or everybody is, and sets one up at the next sign-in (`required`). `mfa_policies` of a seed file hold the people of a role to more.',
          ),
        passkeys: z
          .strictObject({
            userVerification: z
              .enum(['required', 'preferred', 'discouraged'])
              .default('preferred')
              .describe(
                'Whether a passkey has to check that it is its person, by PIN or body: every time (`required`), where it can (`preferred`), or only if it will not do otherwise (`discouraged`). A passkey that has checked is two factors in one; without that it is one.',
              ),
            relatedOrigins: z
              .array(z.string().regex(/^https:\/\/[^\s/?#@]+$/, 'must be an origin such as https://example.org'))
              .max(20)
              .default([])
              .describe(
                'Origins besides the issuer whose pages may use the passkeys of this server, published at `/.well-known/webauthn`. List only hosts that you run.',
              ),
          })
          .prefault({}),
        rememberDays: whole({
          min: 0,
          max: 365,
          standard: 30,
          means:
            'For how many days a browser may skip the second factor after a person has ticked the box; 0 offers no box. Under the policy `required` nothing is skipped.',
        }),
      })
      .prefault({}),
    signIn: z
      .strictObject({
        email: z
          .enum(['off', 'code', 'link'])
          .default('off')
          .describe(
            'Whether people may sign in by a `code` or a `link` in a mail, as a single factor, instead of by a password. Needs a mail server.',
          ),
      })
      .prefault({}),
    sessions: z
      .strictObject({
        rememberMe: z
          .enum(['off', 'on'])
          .default('on')
          .describe(
            'Whether people may stay signed in when they close the browser (`on`: they tick a box), or have to sign in again (`off`). Lifetimes hold either way.',
          ),
        maximum: whole({
          min: 0,
          max: 1000,
          standard: 0,
          means:
            'How many sign-ins a person may have at once; the oldest ends when there is one more. 0 sets no limit.',
        }),
        onRisk: z
          .enum(['audit', 'challenge'])
          .default('audit')
          .describe(
            'What happens when a sign-in is used in an odd way (impossible travel, two places at once, another browser): it is written to the audit (`audit`), or the session gets another id as well and its person has to show a second factor, or sign in again where they have none (`challenge`).',
          ),
        travelKilometres: whole({
          min: 50,
          max: 20_000,
          standard: 500,
          means: 'From how many kilometres on a change of place is looked at as a journey. Needs a file of places.',
        }),
        travelSpeed: whole({
          min: 100,
          max: 100_000,
          standard: 1000,
          means: 'Above how many kilometres an hour nobody travels: faster than an airliner.',
        }),
      })
      .prefault({}),
    deletion: z
      .strictObject({
        graceDays: whole({
          min: 1,
          max: 365,
          standard: 14,
          means: 'For how many days people can call the deletion of their account off, before it is erased.',
        }),
      })
      .prefault({}),
    registration: z
      .strictObject({
        mode: z
          .enum(['off', 'invitation', 'domains', 'open'])
          .default('off')
          .describe(
            'Who may make an account: `off` and `invitation`: whom an operator invites; `domains`: whoever has an address of `registration.domains` as well; `open`: everybody. The last two need a mail server.',
          ),
        domains: z
          .array(z.string().regex(/^[^\s@.]+(\.[^\s@.]+)+$/, 'must be a domain such as example.org'))
          .max(100)
          .default([])
          .describe(
            'Domains of the addresses that may be registered with the mode `domains`, subdomains not included.',
          ),
      })
      .prefault({}),
    limits: z
      .strictObject({
        windowSeconds: whole({
          min: 10,
          max: day,
          standard: 15 * minute,
          means: 'Over how many seconds failed sign-ins are counted.',
        }),
        failuresPerAccount: whole({
          min: 3,
          max: 10_000,
          standard: 15,
          means:
            'Failed sign-ins for one account within the window, from browsers that it does not know, after which it is locked for them. Fewer after each lock.',
        }),
        failuresPerAddress: whole({
          min: 3,
          max: 100_000,
          standard: 100,
          means: 'Failed sign-ins from one address (IPv6: one /64) within the window.',
        }),
        failuresPerPair: whole({
          min: 3,
          max: 10_000,
          standard: 10,
          means:
            'Failed sign-ins for one account from one address, or from one browser that it knows, within the window. From the fifth on each has to wait.',
        }),
        lockSeconds: whole({
          min: 10,
          max: day,
          standard: 15 * minute,
          means: 'For how many seconds an account is locked the first time. Each further time is twice as long.',
        }),
        lockMaxSeconds: whole({
          min: 10,
          max: 7 * day,
          standard: day,
          means: 'For how many seconds an account is locked at most. After as long without a lock it begins anew.',
        }),
        accountsPerAddress: whole({
          min: 3,
          max: 1000,
          standard: 30,
          means:
            'How many accounts may be tried in vain from one address (IPv6: one /64) within the window before it counts as spraying: that address is slowed down.',
        }),
        accountsInAll: whole({
          min: 10,
          max: 100_000,
          standard: 300,
          means:
            'How many accounts may be tried in vain from anywhere within the window before it counts as spraying: addresses that have failed are slowed down.',
        }),
        failuresInAll: whole({
          min: 10,
          max: 10_000_000,
          standard: 5000,
          means: 'Failed sign-ins in all within the window, from which on addresses that have failed are slowed down.',
        }),
        anonymousPerMinute: whole({
          min: 60,
          max: 1_000_000,
          standard: 1200,
          means:
            'Requests a minute from one address (IPv6: one /64) that are stored before anybody has proved who they are.',
        }),
      })
      .prefault({}),
  })
  .refine((settings) => settings.lifetimes.refreshTokenIdle <= settings.lifetimes.refreshTokenAbsolute, {
    path: ['lifetimes', 'refreshTokenIdle'],
    message: 'must not be longer than lifetimes.refreshTokenAbsolute',
  })
  .refine((settings) => settings.lifetimes.sessionIdle <= settings.lifetimes.sessionAbsolute, {
    path: ['lifetimes', 'sessionIdle'],
    message: 'must not be longer than lifetimes.sessionAbsolute',
  });

/** Every setting, as it holds now. */
export type Settings = z.output<typeof settingsSchema>;

/** What may change while Postern runs: any part of the settings, nested as in `postern settings print`. */
export type SettingsChanges = z.input<typeof settingsSchema>;
