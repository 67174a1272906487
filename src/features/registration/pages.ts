import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { equalHashes, sha256 } from '../../foundation/crypto/hash.ts';
import { AppError } from '../../foundation/errors.ts';
import { doorState, field, seeOther, showPage } from '../../foundation/http/door.ts';
import { readSecretCookie, writeSecretCookie } from '../../foundation/http/secret-cookie.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { Outbox } from '../../foundation/outbox/outbox.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import type { PageLocals } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import { busyProblem, throttledProblem } from '../../foundation/views/waiting.ts';
import type { By } from '../audit/module.ts';
import type { Clients } from '../clients/module.ts';
import { type Passwords, shortestPassword } from '../passwords/module.ts';
import { backToApp, type Interactions, requireUnit } from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { Throttle } from '../throttle/module.ts';
import { loginKey, newUserSchema } from '../users/module.ts';
import { type Registration, registrationKind } from './answer-registrations.ts';
import { isAllowed, isOffered } from './policy.ts';
import { type Problems, problemsOf, statusOf } from './problems.ts';
import type { Register } from './register.ts';
import type { PendingRegistration } from './store.ts';

export interface RegistrationPagesParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly views: Views;
  readonly settings: SettingsModule;
  readonly throttle: Throttle;
  readonly clients: Clients;
  readonly passwords: Passwords;
  readonly interactions: Interactions;
  readonly mail: Mail;
  readonly outbox: Pick<Outbox, 'put'>;
  readonly register: Register;
}

/** Where the form stands: within a sign-in, on its own, or as the page of an invitation. */
interface Place {
  readonly action: string;
  readonly backHref: string;
  readonly clientId?: string;
  /** The address that an invitation is for. */
  readonly invited?: string | undefined;
}

type Shown = Pick<PageLocals['registration/register'], 'state' | 'email' | 'problems' | 'wait'>;

/** By this cookie a browser is known that filled in the form. It goes to these pages only. */
const cookieOf = (issuer: string) => ({
  issuer,
  name: 'postern.registration',
  path: '/register',
  maxAgeSeconds: 24 * 60 * 60,
});

const onItsOwn: Place = { action: '/register', backHref: '/' };

/** Mounts the pages on which people make an account. */
export function mountRegistration(router: Router, parts: RegistrationPagesParts): void {
  mountForms(router, parts);
  mountLinks(router, parts);
}

/** The form of people who come by themselves. */
function mountForms(router: Router, parts: RegistrationPagesParts): void {
  const within = async (ctx: Context): Promise<Place> => {
    const { uid, clientId } = await parts.interactions.current(ctx);
    return { action: `/interaction/${uid}/register`, backHref: `/interaction/${uid}`, clientId };
  };
  const ask = (ctx: Context, place: Place) => showRegister(ctx, parts, place, { state: 'ask' });
  const post = async (ctx: Context, place: Place) => showRegister(ctx, parts, place, await request(ctx, parts, place));
  router.get('/register', (ctx) => ask(ctx, onItsOwn));
  router.post('/register', (ctx) => post(ctx, onItsOwn));
  router.get('/interaction/:uid/register', async (ctx) => ask(ctx, await within(ctx)));
  router.post('/interaction/:uid/register', async (ctx) => post(ctx, await within(ctx)));
  router.get('/register/done', (ctx) => {
    const app = typeof ctx.query['app'] === 'string' ? ctx.query['app'] : '';
    const backTo = backToApp(parts.clients, app, parts.issuer);
    showPage(ctx, { views: parts.views, page: 'registration/done', locals: { backTo } });
  });
}

/** Queues what was filled in, with the same work for every address: see `answerRegistrations`. */
async function request(ctx: Context, parts: RegistrationPagesParts, place: Place): Promise<Shown> {
  if (!isOffered(parts)) return { state: 'off' };
  const email = field(ctx, 'email').trim();
  const password = field(ctx, 'password');
  const emailProblem = problemOfEmail(email, parts);
  if (emailProblem) return { state: 'ask', email, problems: { email: emailProblem } };
  const { facts, language } = doorState(ctx);
  const wait = parts.throttle.ask(`register ${loginKey(email) ?? ''}`, facts.ip);
  if (wait !== undefined) return { state: 'ask', email, wait: throttledProblem(parts.clock, wait) };
  const hashed = await hashOf(parts, password, email);
  if (!('hash' in hashed)) return { state: 'ask', email, ...hashed };
  const secret = secretToken(parts.random);
  const registration: Registration = {
    email,
    passwordHash: hashed.hash,
    ...(hashed.unasked.length === 0 ? {} : { breachedUnasked: hashed.unasked }),
    browserHash: sha256(secret),
    clientId: place.clientId,
    language,
    facts,
    at: parts.clock.now(),
  };
  requireUnit().join(parts.outbox.put(registrationKind, registration));
  ctx.append('Set-Cookie', writeSecretCookie(cookieOf(parts.issuer), secret));
  return { state: 'sent', email };
}

function problemOfEmail(email: string, parts: RegistrationPagesParts): Problems['email'] {
  if (email === '') return 'missing';
  if (!newUserSchema.shape.email.safeParse(email).success) return 'invalid';
  return isAllowed(email, parts) ? undefined : 'domain';
}

/** The hash, or what to tell instead. */
async function hashOf(
  { passwords }: RegistrationPagesParts,
  password: string,
  email: string,
): Promise<Awaited<ReturnType<Passwords['hashOf']>> | Pick<Shown, 'problems' | 'wait'>> {
  try {
    return await passwords.hashOf(password, { email });
  } catch (error) {
    return problemsOf(error);
  }
}

/** Answers with the form, or with what stands in its place. */
function showRegister(ctx: Context, parts: RegistrationPagesParts, place: Place, shown: Shown): void {
  const { action, backHref, invited } = place;
  const state = invited === undefined && !isOffered(parts) ? 'off' : shown.state;
  if (shown.wait) ctx.set('Retry-After', String(shown.wait.retryAfter));
  const meter = parts.passwords.meter({ email: invited });
  const isRefusedPost = state === 'off' && ctx.method === 'POST';
  showPage(ctx, {
    views: parts.views,
    page: 'registration/register',
    status: isRefusedPost ? 409 : statusOf(shown),
    locals: {
      action,
      backHref,
      invited,
      minLength: shortestPassword(parts.settings.current()),
      meter,
      ...shown,
      state,
    },
  });
}

/** What is written to the audit of who makes an account by a link. */
const byLink = (ctx: Context, name: string): By => ({
  actor: { kind: 'anonymous', name },
  facts: doorState(ctx).facts,
});

/** Whether this is the browser that filled in the form. */
const isSameBrowser = (ctx: Context, issuer: string, browserHash: string): boolean => {
  const secret = readSecretCookie(cookieOf(issuer), ctx.headers.cookie);
  return secret !== undefined && equalHashes(sha256(secret), browserHash);
};

/** The pages of the two links: the one that confirms an address, and the invitation. Shown by GET, used by POST. */
function mountLinks(router: Router, parts: RegistrationPagesParts): void {
  router.get('/register/confirm', async (ctx) => {
    const pending = await parts.register.pending(keyOf(ctx));
    if (pending) showConfirm(ctx, parts, pending);
    else linkOver(ctx, parts);
  });
  router.post('/register/confirm', async (ctx) => {
    const pending = await parts.register.pending(keyOf(ctx));
    if (pending) await confirm(ctx, parts, pending);
    else linkOver(ctx, parts);
  });
  router.get('/invitation', async (ctx) => {
    const invited = (await parts.register.invitation(keyOf(ctx)))?.subject;
    if (invited === undefined) linkOver(ctx, parts);
    else showRegister(ctx, parts, invitationPlace(ctx, invited), { state: 'ask' });
  });
  router.post('/invitation', async (ctx) => {
    const invited = (await parts.register.invitation(keyOf(ctx)))?.subject;
    if (invited === undefined) linkOver(ctx, parts);
    else await accept(ctx, parts, invited);
  });
}

const keyOf = (ctx: Context): string => (typeof ctx.query['key'] === 'string' ? ctx.query['key'] : '');
const invitationPlace = (ctx: Context, invited: string) => ({
  action: `/invitation${ctx.search}`,
  backHref: '/',
  invited,
});

async function confirm(ctx: Context, parts: RegistrationPagesParts, pending: PendingRegistration): Promise<void> {
  const problem = await proven(ctx, parts, pending);
  if (problem) {
    showConfirm(ctx, parts, pending, problem);
    return;
  }
  try {
    await parts.register.confirm(pending, byLink(ctx, 'registration'));
    const { clientId } = pending;
    done(ctx, clientId === undefined ? '' : `?app=${encodeURIComponent(clientId)}`);
  } catch (error) {
    if (!isLost(error)) throw error;
    linkOver(ctx, parts);
  }
}

type Problem = PageLocals['registration/confirm']['problem'];

/**
 * The link shows whose mailbox it is, not who filled in the form. From another browser the password is asked for, or
 * somebody could register a stranger's address and have them open the door with one click (account pre-hijacking).
 */
async function proven(
  ctx: Context,
  { issuer, passwords, throttle, clock }: RegistrationPagesParts,
  { id, browserHash, passwordHash }: PendingRegistration,
): Promise<Problem> {
  if (isSameBrowser(ctx, issuer, browserHash)) return undefined;
  const entry = throttle.enter({ account: `registration ${id}`, address: doorState(ctx).facts.ip });
  if (!entry.allowed) return throttledProblem(clock, entry.retryAfterSeconds);
  try {
    const isRight = await passwords.matches(passwordHash, field(ctx, 'password'));
    entry.settle(isRight ? 'succeeded' : 'failed');
    return isRight ? undefined : { kind: 'wrong' };
  } catch (error) {
    entry.settle('abandoned');
    const busy = busyProblem(error);
    if (!busy) throw error;
    return busy;
  }
}

async function accept(ctx: Context, parts: RegistrationPagesParts, email: string): Promise<void> {
  const password = field(ctx, 'password');
  try {
    await parts.register.accept({ secret: keyOf(ctx), email, password }, byLink(ctx, 'invitation'));
    done(ctx, '');
  } catch (error) {
    if (isLost(error)) linkOver(ctx, parts);
    else {
      showRegister(ctx, parts, invitationPlace(ctx, email), { state: 'ask', ...problemsOf(error) });
    }
  }
}

/** Somebody else was faster: the link is used, or there is an account with the address by now. */
const isLost = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'store_conflict' || error.code === 'user_email_taken');

function done(ctx: Context, search: string): void {
  seeOther(ctx, `/register/done${search}`);
}

const statuses = { wrong: 401, throttled: 429, busy: 503 } as const;

function showConfirm(
  ctx: Context,
  { views, issuer }: RegistrationPagesParts,
  { email, browserHash }: PendingRegistration,
  problem?: Problem,
): void {
  if (problem && 'retryAfter' in problem) ctx.set('Retry-After', String(problem.retryAfter));
  const needsPassword = !isSameBrowser(ctx, issuer, browserHash);
  const locals = { action: `/register/confirm${ctx.search}`, email, needsPassword, problem };
  showPage(ctx, { views, page: 'registration/confirm', status: problem ? statuses[problem.kind] : 200, locals });
}

function linkOver(ctx: Context, { views, clock }: RegistrationPagesParts): void {
  const reference = { code: 'link_not_usable', reference: doorState(ctx).requestId, time: clock.now() };
  showPage(ctx, { views, page: 'registration/link', status: 410, locals: reference });
}
