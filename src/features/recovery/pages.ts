import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { AppError } from '../../foundation/errors.ts';
import { doorState, field, seeOther, showPage } from '../../foundation/http/door.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { Outbox } from '../../foundation/outbox/outbox.ts';
import type { PageLocals } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import { busyProblem, throttledProblem } from '../../foundation/views/waiting.ts';
import type { Clients } from '../clients/module.ts';
import { type Passwords, refusedPassword, shortestPassword } from '../passwords/module.ts';
import { backToApp, type Interactions, requireUnit } from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { Throttle } from '../throttle/module.ts';
import { loginKey, type User } from '../users/module.ts';
import { type ResetRequest, resetRequestKind } from './request-reset.ts';
import type { ResetPassword } from './reset-password.ts';

export interface RecoveryPagesParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly views: Views;
  readonly settings: SettingsModule;
  readonly throttle: Throttle;
  readonly clients: Clients;
  readonly interactions: Interactions;
  readonly mail: Mail;
  readonly passwords: Pick<Passwords, 'meter'>;
  readonly outbox: Pick<Outbox, 'put'>;
  readonly reset: ResetPassword;
}

/** Where the form stands: within a sign-in, or on its own. */
interface Place {
  readonly action: string;
  readonly backHref: string;
  readonly clientId?: string;
  readonly loginHint?: string | undefined;
}

const onItsOwn: Place = { action: '/forgot', backHref: '/' };

/** The longest address that is looked at; nobody's is longer (RFC 5321 §4.5.3.1.3). */
const longestLogin = 320;

/** Mounts the pages for people who have forgotten their password. */
export function mountRecovery(router: Router, parts: RecoveryPagesParts): void {
  const post = (ctx: Context, place: Place) => showForgot(ctx, parts, place, request(ctx, parts, place));
  const within = async (ctx: Context): Promise<Place> => {
    const { uid, clientId, loginHint } = await parts.interactions.current(ctx);
    const at = `/interaction/${uid}`;
    return { action: `${at}/forgot`, backHref: at, clientId, loginHint };
  };
  router.get('/forgot', (ctx) => ask(ctx, parts, onItsOwn));
  router.post('/forgot', (ctx) => post(ctx, onItsOwn));
  router.get('/interaction/:uid/forgot', async (ctx) => ask(ctx, parts, await within(ctx)));
  router.post('/interaction/:uid/forgot', async (ctx) => post(ctx, await within(ctx)));

  router.get('/reset', async (ctx) => {
    const user = await parts.reset.owner(query(ctx, 'key'));
    if (user) showReset(ctx, parts, user);
    else linkOver(ctx, parts);
  });
  router.post('/reset', (ctx) => setPassword(ctx, parts));
  router.get('/reset/done', (ctx) => {
    const backTo = backToApp(parts.clients, query(ctx, 'app'), parts.issuer);
    showPage(ctx, { views: parts.views, page: 'recovery/done', locals: { backTo } });
  });
}

const query = (ctx: Context, name: string): string => {
  const value = ctx.query[name];
  return typeof value === 'string' ? value : '';
};

function ask(ctx: Context, parts: RecoveryPagesParts, place: Place): void {
  showForgot(ctx, parts, place, { state: 'ask', email: place.loginHint });
}

type Shown = Pick<PageLocals['recovery/forgot'], 'state' | 'email' | 'problem'>;

/** Queues what was typed. Nobody looks here whether there is such an account: see `answerResetRequests`. */
function request(ctx: Context, parts: RecoveryPagesParts, place: Place): Shown {
  const email = field(ctx, 'email').trim();
  if (!parts.mail.isOn) return { state: 'off' };
  if (email === '') return { state: 'ask', problem: { kind: 'missing' } };
  const { facts, language } = doorState(ctx);
  const { clock, throttle, outbox } = parts;
  const wait = throttle.ask(`reset ${loginKey(email) ?? 'unreadable'}`, facts.ip);
  if (wait !== undefined) return { state: 'ask', email, problem: throttledProblem(clock, wait) };
  const login = email.slice(0, longestLogin);
  const body: ResetRequest = { login, clientId: place.clientId, language, facts, at: clock.now() };
  requireUnit().join(outbox.put(resetRequestKind, body));
  return { state: 'sent', email };
}

const forgotStatuses = { missing: 400, throttled: 429 } as const;

function showForgot(
  ctx: Context,
  { views, mail }: RecoveryPagesParts,
  { action, backHref }: Place,
  shown: Shown,
): void {
  const { problem } = shown;
  if (problem?.kind === 'throttled') ctx.set('Retry-After', String(problem.retryAfter));
  const state = mail.isOn ? shown.state : 'off';
  const status = problem ? forgotStatuses[problem.kind] : state === 'off' && ctx.method === 'POST' ? 409 : 200;
  showPage(ctx, { views, page: 'recovery/forgot', status, locals: { action, backHref, ...shown, state } });
}

async function setPassword(ctx: Context, parts: RecoveryPagesParts): Promise<void> {
  const secret = query(ctx, 'key');
  const user = await parts.reset.owner(secret);
  if (!user) {
    linkOver(ctx, parts);
    return;
  }
  const password = field(ctx, 'password');
  const { facts, language } = doorState(ctx);
  try {
    await parts.reset.set(user, { secret, password, facts, language });
    const app = query(ctx, 'app');
    seeOther(ctx, `/reset/done${app === '' ? '' : `?app=${encodeURIComponent(app)}`}`);
  } catch (error) {
    explain(ctx, parts, user, error);
  }
}

function explain(ctx: Context, parts: RecoveryPagesParts, user: User, error: unknown): void {
  if (error instanceof AppError && error.code === 'store_conflict') {
    linkOver(ctx, parts);
    return;
  }
  const kind = refusedPassword(error);
  const problem = kind === undefined ? busyProblem(error) : { kind };
  if (!problem) throw error;
  showReset(ctx, parts, user, problem);
}

function showReset(
  ctx: Context,
  { views, settings, passwords }: RecoveryPagesParts,
  user: User,
  problem?: PageLocals['recovery/reset']['problem'],
): void {
  if (problem?.kind === 'busy') ctx.set('Retry-After', String(problem.retryAfter));
  const status = problem === undefined ? 200 : problem.kind === 'busy' ? 503 : 400;
  const minLength = shortestPassword(settings.current());
  const action = `/reset${ctx.search}`;
  showPage(ctx, {
    views,
    page: 'recovery/reset',
    status,
    locals: { action, email: user.email, minLength, meter: passwords.meter(user), problem },
  });
}

/** Whether it was used, replaced, ran out or never existed is nobody's business. */
function linkOver(ctx: Context, { views, clock }: RecoveryPagesParts): void {
  const reference = { code: 'link_not_usable', reference: doorState(ctx).requestId, time: clock.now() };
  showPage(ctx, { views, page: 'recovery/link', status: 410, locals: { ...reference, forgotHref: '/forgot' } });
}
