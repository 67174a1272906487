import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { doorState, field, seeOther, showPage } from '../../foundation/http/door.ts';
import type { AccountLocals } from '../../foundation/views/account-pages.ts';
import type { CodeProblem } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import { throttledProblem } from '../../foundation/views/waiting.ts';
import type { AuditEvent, By } from '../audit/module.ts';
import { codeProblem, drawQr, type Enrolment, type Mfa } from '../mfa/module.ts';
import { currentUnit, multiFactor, type SignInSessions } from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { AccountEndings, Users } from '../users/module.ts';
import type { createChangePassword, PasswordOutcome } from './change-password.ts';
import { ownEvent, refusalEvent } from './events.ts';
import { isFresh, signInAddress, targetOf, type Visitor } from './visitor.ts';

export interface AccountPagesParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly views: Views;
  readonly users: Users;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly sessions: SignInSessions;
  readonly mfa: Mfa;
  readonly changePassword: ReturnType<typeof createChangePassword>;
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
    seeOther(ctx, '/account');
  });

  mountFactors(router, parts);
}

async function visitorOf(ctx: Context, { sessions, users }: AccountPagesParts): Promise<Visitor | undefined> {
  const signIn = await sessions.current(ctx);
  const user = signIn && (await users.find(signIn.accountId));
  return user && user.disabledAt === undefined ? { user, signIn } : undefined;
}

/** The person of this browser; without one, the answer leads to the front door. */
async function arrive(ctx: Context, parts: AccountPagesParts): Promise<Visitor | undefined> {
  const visitor = await visitorOf(ctx, parts);
  if (!visitor) seeOther(ctx, '/account');
  return visitor;
}

/** The person of this browser who signed in a short while ago; otherwise the answer asks them to do it again. */
async function arriveFresh(ctx: Context, parts: AccountPagesParts, state: string): Promise<Visitor | undefined> {
  const visitor = await arrive(ctx, parts);
  if (!visitor || isFresh(visitor, parts.clock)) return visitor;
  seeOther(ctx, signInAddress(parts.issuer, { state, again: visitor.user }));
  return undefined;
}

const tell = (event: AuditEvent): void => void currentUnit()?.events.push(event);

const byVisitor = (ctx: Context, { user }: Visitor): By => ({
  actor: { kind: 'user', id: user.id },
  facts: doorState(ctx).facts,
});

function showSignedOut(ctx: Context, { views, issuer }: AccountPagesParts): void {
  const locals = { signInHref: signInAddress(issuer, { state: 'account' }) };
  showPage(ctx, { views, page: 'account/account', locals });
}

type SignedIn = NonNullable<AccountLocals['signedIn']>;

interface Shown {
  readonly passwordProblem?: SignedIn['password']['problem'];
  readonly status?: number;
}

/** What was done, as the page that follows it says. */
const dones = ['password', 'factor-removed', 'session'] as const;

async function showAccount(ctx: Context, parts: AccountPagesParts, visitor: Visitor, shown: Shown): Promise<void> {
  const { user, signIn } = visitor;
  const [factors, sessions] = await Promise.all([parts.mfa.factors(user.id), parts.sessions.list(user.id)]);
  const { mfa, password } = parts.settings.current();
  showPage(ctx, {
    views: parts.views,
    page: 'account/account',
    status: shown.status ?? 200,
    locals: {
      signedIn: {
        account: user.email,
        done: dones.find((done) => done === ctx.query['done']),
        factors: mfa.policy === 'off' && !factors.totp ? undefined : factors,
        password: { minLength: password.minLength, problem: shown.passwordProblem },
        sessions: sessions.map((one) => ({ ...one, here: one.id === signIn.id })),
      },
    },
  });
}

async function changePassword(ctx: Context, parts: AccountPagesParts, visitor: Visitor): Promise<void> {
  const form = { current: field(ctx, 'current_password'), wanted: field(ctx, 'new_password') };
  const outcome = await parts.changePassword(visitor.user, form, byVisitor(ctx, visitor));
  if (outcome.kind !== 'changed') {
    if (outcome.kind === 'wrong' || outcome.kind === 'throttled')
      tell(refusalEvent(visitor.user, outcome.kind === 'wrong' ? 'wrong_password' : 'throttled'));
    return showPasswordProblem(ctx, parts, visitor, outcome);
  }
  currentUnit()?.joinStep(outcome.operations);
  // Nor may a link that was asked for before, perhaps by whoever else reads the mailbox, undo this.
  currentUnit()?.joinStep([parts.users.links.voidOpen('reset', visitor.user.id)]);
  // Whoever else knew the former password must not stay signed in by it.
  for (const { id } of await parts.sessions.list(visitor.user.id)) {
    if (id !== visitor.signIn.id) await end(parts, visitor, id);
  }
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

async function end(parts: AccountPagesParts, visitor: Visitor, id: string): Promise<void> {
  const done = await parts.sessions.endOne(visitor.user.id, id);
  if (done) tell(ownEvent(visitor.user, 'session.ended', { by: 'account' }));
}

async function endOne(ctx: Context, parts: AccountPagesParts, visitor: Visitor): Promise<void> {
  const id = field(ctx, 'session');
  await end(parts, visitor, id);
  seeOther(ctx, id === visitor.signIn.id ? '/account' : '/account?done=session');
}

const codeStatuses = { missing: 400, wrong: 401, used: 401, expired: 400, throttled: 429 } as const;

/** Mounts the pages of second factors. All of them need a fresh sign-in, and removing one needs a factor. */
function mountFactors(router: Router, parts: AccountPagesParts): void {
  router.get('/account/authenticator', async (ctx) => {
    const visitor = await arriveToEnrol(ctx, parts);
    if (visitor) showForm(ctx, parts, { enrolment: parts.mfa.enrolment.begin(placeOf(visitor), visitor.user.email) });
  });

  router.post('/account/authenticator', async (ctx) => {
    const visitor = await arriveToEnrol(ctx, parts);
    if (visitor) await enrol(ctx, parts, visitor);
  });

  router.post('/account/authenticator/remove', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'account');
    if (visitor) await remove(ctx, parts, visitor);
  });

  router.post('/account/recovery-codes', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'account');
    if (!visitor) return;
    if (!(await parts.mfa.has(visitor.user.id))) return seeOther(ctx, '/account');
    const { codes, operations } = parts.mfa.newRecoveryCodes(visitor.user.id);
    currentUnit()?.joinStep(operations);
    tell(ownEvent(visitor.user, 'recovery.regenerated'));
    showCodes(ctx, parts, codes);
  });
}

/** Whoever may set an app up: nobody who has one, and nobody where there are to be none. */
async function arriveToEnrol(ctx: Context, parts: AccountPagesParts): Promise<Visitor | undefined> {
  const visitor = await arriveFresh(ctx, parts, 'authenticator');
  if (!visitor) return undefined;
  const isOpen = parts.settings.current().mfa.policy !== 'off' && !(await parts.mfa.has(visitor.user.id));
  if (isOpen) return visitor;
  seeOther(ctx, '/account');
  return undefined;
}

const placeOf = ({ user, signIn }: Visitor) => ({ userId: user.id, scope: `session ${signIn.id}` });

function showForm(
  ctx: Context,
  { views }: AccountPagesParts,
  { enrolment, problem }: { enrolment: Enrolment; problem?: CodeProblem | undefined },
): void {
  if (problem?.kind === 'throttled') ctx.set('Retry-After', String(problem.retryAfter));
  const { secret, uri, sealed } = enrolment;
  showPage(ctx, {
    views,
    page: 'account/authenticator',
    status: problem ? codeStatuses[problem.kind] : 200,
    locals: { totp: { secret, uri, qr: drawQr(uri), hidden: { enrolment: sealed } }, problem },
  });
}

async function enrol(ctx: Context, parts: AccountPagesParts, visitor: Visitor): Promise<void> {
  const { enrolment } = parts.mfa;
  const place = placeOf(visitor);
  const sealed = field(ctx, 'enrolment');
  const form = { sealed, code: field(ctx, 'code'), address: doorState(ctx).facts.ip };
  const outcome = enrolment.confirm(place, form);
  if (outcome.kind !== 'enrolled') {
    const { email } = visitor.user;
    const again = enrolment.again(place, sealed, email) ?? enrolment.begin(place, email);
    return showForm(ctx, parts, { enrolment: again, problem: codeProblem(parts.clock, outcome) });
  }
  currentUnit()?.joinStep(outcome.operations);
  tell(ownEvent(visitor.user, 'factor.added', { method: 'totp' }));
  // The code was shown in this very session: it would be asked for again on the next page.
  await parts.sessions.raise(ctx, { amr: ['otp', 'mfa'], acr: multiFactor });
  showCodes(ctx, parts, outcome.recoveryCodes);
}

function showCodes(ctx: Context, { views }: AccountPagesParts, recoveryCodes: readonly string[]): void {
  showPage(ctx, { views, page: 'account/recovery-codes', locals: { recoveryCodes } });
}

/** The last factor goes by a code: a session that was left open, or stolen, must not be enough to take it away. */
async function remove(ctx: Context, parts: AccountPagesParts, visitor: Visitor): Promise<void> {
  const { mfa } = parts;
  const { id } = visitor.user;
  if (!(await mfa.has(id))) return seeOther(ctx, '/account');
  // The button on the page before brings no code yet.
  if (!hasField(ctx, 'code')) return showRemoval(ctx, parts, undefined);
  const outcome = await mfa.verify({ userId: id, code: field(ctx, 'code'), address: doorState(ctx).facts.ip });
  if (outcome.kind !== 'right') {
    if (outcome.kind !== 'missing') {
      tell(refusalEvent(visitor.user, outcome.kind === 'wrong' ? outcome.reason : 'throttled'));
    }
    return showRemoval(ctx, parts, codeProblem(parts.clock, outcome));
  }
  // The code first: once the factor is gone there is no step left to use up.
  currentUnit()?.joinStep([outcome.use], 'consume');
  currentUnit()?.joinStep(mfa.removal(id));
  tell(ownEvent(visitor.user, 'factor.removed', { method: 'totp' }));
  seeOther(ctx, '/account?done=factor-removed');
}

function showRemoval(ctx: Context, { views }: AccountPagesParts, problem: CodeProblem | undefined): void {
  if (problem?.kind === 'throttled') ctx.set('Retry-After', String(problem.retryAfter));
  const status = problem ? codeStatuses[problem.kind] : 200;
  showPage(ctx, { views, page: 'account/remove-factor', status, locals: { problem } });
}

function hasField(ctx: Context, name: string): boolean {
  const { body } = ctx.request as { body?: unknown };
  return body !== null && typeof body === 'object' && name in body;
}
