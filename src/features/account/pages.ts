import type Router from '@koa/router';
import type { Context } from 'koa';
import { placeInWords } from '../../foundation/geo/place.ts';
import { browserNames } from '../../foundation/http/client-hints.ts';
import { doorState, field, seeOther, showPage } from '../../foundation/http/door.ts';
import { readUserAgent } from '../../foundation/http/user-agent.ts';
import { type AccountLocals, accountDones } from '../../foundation/views/account-pages.ts';
import type { PasskeyProblem } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import { throttledProblem } from '../../foundation/views/waiting.ts';
import type { Devices } from '../devices/module.ts';
import type { Mfa } from '../mfa/module.ts';
import type { Passkeys } from '../passkeys/module.ts';
import { type Passwords, type ReplaceOwn, shortestPassword } from '../passwords/module.ts';
import { currentUnit, type ListedSignIn } from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { AccountEndings } from '../users/module.ts';
import { type ActivityPagesParts, mountActivity } from './activity-pages.ts';
import { type AppPagesParts, listApps, mountApps } from './app-pages.ts';
import type { createChangePassword, PasswordOutcome } from './change-password.ts';
import { type DeletePagesParts, mountDelete } from './delete-pages.ts';
import { type EmailPagesParts, mountEmail } from './email-pages.ts';
import { ownEvent, refusalEvent } from './events.ts';
import { type ExportPagesParts, mountExport } from './export-pages.ts';
import { mountFactors, placeOf } from './factor-pages.ts';
import type { IdentityPagesParts, IdentityProblem } from './identity-pages.ts';
import { mountProfile } from './profile-pages.ts';
import { isFresh, signInAddress, targetOf, type Visitor } from './visitor.ts';
import { arrive, byVisitor, tell, tryPlace, visitorOf } from './visitor-pages.ts';

export interface AccountPagesParts
  extends EmailPagesParts,
    AppPagesParts,
    ExportPagesParts,
    DeletePagesParts,
    IdentityPagesParts,
    ActivityPagesParts {
  readonly views: Views;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly mfa: Mfa;
  readonly passkeys: Passkeys;
  readonly devices: Pick<Devices, 'known' | 'remembered' | 'forget' | 'forgetAll'>;
  readonly changePassword: ReturnType<typeof createChangePassword>;
  readonly replaceOwn: ReplaceOwn;
  /** What the strength meter goes by for this person. */
  readonly meter: Passwords['meter'];
  /** Ends everything that a person holds, and tells the apps. */
  readonly endEverything: AccountEndings;
}

/** Mounts `/account`. Every page is for the person of this browser's sign-in; others are led to the front door. */
export function mountAccount(router: Router, parts: AccountPagesParts): void {
  // The address that password managers look for (W3C change-password).
  router.get('/.well-known/change-password', (ctx) => seeOther(ctx, '/account'));

  router.get('/account', async (ctx) => {
    // The answer to our own authorization request lands here; its parameters have done their work.
    if (ctx.query['iss'] !== undefined || ctx.query['error'] !== undefined) {
      return seeOther(ctx, ctx.query['error'] === undefined ? targetOf(ctx.query['state']) : '/account');
    }
    const visitor = await visitorOf(ctx, parts);
    return visitor ? showAccount(ctx, parts, visitor, {}) : showSignedOut(ctx, parts);
  });

  router.post('/account/password', async (ctx) => {
    const visitor = await arrive(ctx, parts);
    if (visitor) await changePassword(ctx, parts, visitor);
  });

  router.post('/account/sessions/end', async (ctx) => {
    const visitor = await arrive(ctx, parts);
    if (visitor) await endOne(ctx, parts, visitor);
  });

  router.post('/account/sessions/end-all', async (ctx) => {
    const visitor = await arrive(ctx, parts);
    if (!visitor) return;
    await parts.users.signOut(visitor.user.id, byVisitor(ctx, visitor), parts.endEverything);
    await leaveHere(ctx, parts, visitor);
  });

  router.post('/account/devices/forget', async (ctx) => {
    const visitor = await arrive(ctx, parts);
    if (!visitor) return;
    const { id } = visitor.user;
    const device = (await parts.devices.remembered(id)).find((one) => one.id === field(ctx, 'device'));
    if (device === undefined) return seeOther(ctx, '/account');
    currentUnit()?.joinStep([parts.devices.forget(id, device.id)]);
    tell(ownEvent(visitor.user, 'device.forgotten'));
    seeOther(ctx, '/account?done=device');
  });

  mountFactors(router, parts);
  mountEmail(router, parts);
  mountApps(router, parts);
  mountExport(router, parts);
  mountDelete(router, parts);
  mountActivity(router, parts);
  mountProfile(router, parts);
}

function showSignedOut(ctx: Context, { views, issuer }: AccountPagesParts): void {
  const locals = { signInHref: signInAddress(issuer, { state: 'account' }) };
  showPage(ctx, { views, page: 'account/account', locals });
}

type SignedIn = NonNullable<AccountLocals['signedIn']>;
type PasswordInAccount = NonNullable<SignedIn['password']>;

interface Shown {
  readonly passwordProblem?: PasswordInAccount['problem'];
  readonly passkeyProblem?: PasskeyProblem | 'taken' | 'last';
  readonly identityProblem?: IdentityProblem;
  readonly status?: number;
}

export async function showAccount(
  ctx: Context,
  parts: AccountPagesParts,
  visitor: Visitor,
  shown: Shown,
): Promise<void> {
  const { user, signIn } = visitor;
  const [hasPassword, factors, sessions, devices, apps] = await Promise.all([
    parts.passwords.has(user.id),
    parts.mfa.factors(user.id),
    parts.sessions.list(user.id),
    parts.devices.remembered(user.id),
    listApps(parts, user),
  ]);
  const settings = parts.settings.current();
  const any = factors.totp !== undefined || factors.passkeys.length > 0;
  const { totp, recoveryCodesLeft } = factors;
  const mayAdd = parts.mfa.policies.forRoles(user.roles) !== 'off';
  showPage(ctx, {
    views: parts.views,
    page: 'account/account',
    status: shown.status ?? 200,
    locals: {
      signedIn: {
        account: user.email,
        done: accountDones.find((done) => done === ctx.query['done']),
        factors: mayAdd || any ? { ...(totp ? { totp } : {}), recoveryCodesLeft, any, mayAdd } : undefined,
        passkeys: {
          list: factors.passkeys,
          ...(await newPasskey(parts, visitor)),
          problem: shown.passkeyProblem,
        },
        password: hasPassword
          ? { minLength: shortestPassword(settings), meter: parts.meter(user), problem: shown.passwordProblem }
          : undefined,
        identities: { ...(await parts.federated.shown(ctx, visitor)), problem: shown.identityProblem },
        apps,
        devices: devices.map(({ id, userAgent, rememberedUntil }) => ({
          id,
          rememberedUntil,
          ...readUserAgent(userAgent),
        })),
        sessions: sessions.map((one) => toldSession(ctx, one, signIn.id)),
      },
    },
  });
}

/** A sign-in as the page tells of it: with which browser, and where from. */
const toldSession = (ctx: Context, one: ListedSignIn, here: string) => ({
  ...one,
  ...browserNames(one.userAgent, one.hints),
  place: placeInWords(one.place, doorState(ctx).language),
  here: one.id === here,
});

/** How one is added: at once after a fresh sign-in, and by way of one otherwise. */
async function newPasskey(parts: AccountPagesParts, visitor: Visitor) {
  if (!isFresh(visitor, parts.clock)) return { addHref: '/account/passkeys/add' };
  const request = await parts.passkeys.enrolment.begin(passkeyPlaceOf(visitor));
  return { add: request && { ...request, action: '/account/passkeys' } };
}

/** For whom a passkey is made, and in which sign-in. */
export const passkeyPlaceOf = (visitor: Visitor) => ({
  owner: { id: visitor.user.id, name: visitor.user.email },
  scope: placeOf(visitor).scope,
});

async function changePassword(ctx: Context, parts: AccountPagesParts, visitor: Visitor): Promise<void> {
  const typed = { current: field(ctx, 'current_password'), wanted: field(ctx, 'new_password') };
  const form = { ...typed, at: await tryPlace(ctx, parts, visitor) };
  const outcome = await parts.changePassword(visitor.user, form, byVisitor(ctx, visitor));
  if (outcome.kind !== 'changed') {
    if (outcome.kind === 'wrong' || outcome.kind === 'throttled')
      tell(refusalEvent(visitor.user, outcome.kind === 'wrong' ? 'wrong_password' : 'throttled'));
    return showPasswordProblem(ctx, parts, visitor, outcome);
  }
  const { user, signIn } = visitor;
  await parts.replaceOwn({ user, setting: outcome.operations, here: signIn.id }, doorState(ctx));
  seeOther(ctx, '/account?done=password');
}

const passwordStatuses = { missing: 400, wrong: 401, refused: 400, throttled: 429, busy: 503 } as const;

function showPasswordProblem(
  ctx: Context,
  parts: AccountPagesParts,
  visitor: Visitor,
  outcome: Exclude<PasswordOutcome, { kind: 'changed' }>,
): Promise<void> {
  const status = passwordStatuses[outcome.kind];
  if (outcome.kind === 'busy') ctx.set('Retry-After', String(outcome.retryAfter));
  if (outcome.kind !== 'throttled') return showAccount(ctx, parts, visitor, { status, passwordProblem: outcome });
  const passwordProblem = throttledProblem(parts.clock, outcome.retryAfterSeconds);
  ctx.set('Retry-After', String(passwordProblem.retryAfter));
  return showAccount(ctx, parts, visitor, { status, passwordProblem });
}

async function endOne(ctx: Context, parts: AccountPagesParts, visitor: Visitor): Promise<void> {
  const id = field(ctx, 'session');
  if (await parts.sessions.endOne(visitor.user.id, id, 'account'))
    tell(ownEvent(visitor.user, 'session.ended', { by: 'account' }));
  if (id === visitor.signIn.id) return leaveHere(ctx, parts, visitor);
  seeOther(ctx, '/account?done=session');
}

/** Of all that may have ended only this browser can be led on to the provider that the sign-in came from. */
async function leaveHere(ctx: Context, { federated }: AccountPagesParts, { signIn }: Visitor): Promise<void> {
  seeOther(ctx, '/account');
  await federated.signOutThere(ctx, signIn.id, '/account');
}
