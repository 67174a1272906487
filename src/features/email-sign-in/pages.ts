import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { doorState, field, seeOther, showPage } from '../../foundation/http/door.ts';
import { readSecretCookie, writeSecretCookie } from '../../foundation/http/secret-cookie.ts';
import { formActionSource } from '../../foundation/http/security-headers.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { Outbox } from '../../foundation/outbox/outbox.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import type { PageLocals } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import { throttledProblem } from '../../foundation/views/waiting.ts';
import type { AuditEvent } from '../audit/module.ts';
import type { Devices } from '../devices/module.ts';
import { currentUnit, type Interaction, type Interactions, requireUnit, singleFactor } from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { Throttle } from '../throttle/module.ts';
import { loginKey, type User } from '../users/module.ts';
import { accountOf, type CheckSecret, type EmailCodeOutcome } from './check-secret.ts';
import { emailSignInMs } from './secret.ts';
import { type EmailSignInRequest, emailSignInKind } from './send.ts';
import type { EmailSignInStore, OpenEmailSignIn } from './store.ts';
import { wayOf } from './way.ts';

export interface EmailSignInPagesParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly views: Views;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly throttle: Throttle;
  readonly devices: Pick<Devices, 'known'>;
  readonly interactions: Interactions;
  readonly mail: Mail;
  readonly outbox: Pick<Outbox, 'put'>;
  readonly store: EmailSignInStore;
  readonly check: CheckSecret;
}

const at = ({ uid }: Pick<Interaction, 'uid'>): string => `/interaction/${uid}`;

/** The longest address that is looked at; nobody's is longer (RFC 5321 §4.5.3.1.3). */
const longestLogin = 320;

/** Mounts the step's pages. What is proved here goes to the dispatcher, like a password. */
export function mountEmailSignIn(router: Router, parts: EmailSignInPagesParts): void {
  const offered = async (ctx: Context): Promise<Interaction | undefined> => {
    const interaction = await parts.interactions.current(ctx);
    const source = interaction.redirectUri && formActionSource(interaction.redirectUri);
    if (source) doorState(ctx).formActions.push(source);
    if (wayOf(parts) !== 'off') return interaction;
    seeOther(ctx, at(interaction));
    return undefined;
  };
  router.get('/interaction/:uid/email', async (ctx) => {
    const interaction = await offered(ctx);
    if (interaction) show(ctx, parts, interaction, { state: 'ask', email: interaction.loginHint });
  });
  router.post('/interaction/:uid/email', async (ctx) => {
    const interaction = await offered(ctx);
    if (interaction) show(ctx, parts, interaction, request(ctx, parts, interaction));
  });
  router.post('/interaction/:uid/email/code', async (ctx) => {
    const interaction = await offered(ctx);
    if (interaction) await takeCode(ctx, parts, interaction);
  });
  router.get('/interaction/:uid/email/link', async (ctx) => {
    const found = await arriveByLink(ctx, parts);
    if (!found) return;
    const locals = { state: 'confirm', action: `${ctx.path}${ctx.search}`, email: found.user.email } as const;
    showPage(ctx, { views: parts.views, page: 'interaction/email-link', locals });
  });
  router.post('/interaction/:uid/email/link', async (ctx) => {
    const found = await arriveByLink(ctx, parts);
    if (found && (await offered(ctx))) await prove(ctx, parts, found);
  });
}

const cookieOf = (issuer: string, uid: string) => ({
  issuer,
  name: 'postern.email-sign-in',
  path: `/interaction/${uid}`,
  maxAgeSeconds: emailSignInMs / 1000,
});

/** What this browser asked for in this interaction, while it can be used. */
async function ownOf(ctx: Context, { issuer, store }: EmailSignInPagesParts, uid: string) {
  const secret = readSecretCookie(cookieOf(issuer, uid), ctx.headers.cookie);
  return secret === undefined ? undefined : store.find(sha256(secret), uid);
}

type Shown = Pick<PageLocals['interaction/email'], 'state' | 'email' | 'problem'>;

/** Queues what was typed. Nobody looks here whether there is such an account: see `answerEmailSignIns`. */
function request(ctx: Context, parts: EmailSignInPagesParts, { uid }: Interaction): Shown {
  const email = field(ctx, 'email').trim();
  if (email === '') return { state: 'ask', problem: { kind: 'missing' } };
  const { facts, language } = doorState(ctx);
  const key = (loginKey(email) ?? 'unreadable').slice(0, longestLogin);
  const wait = parts.throttle.ask(`e-mail ${key}`, facts.ip);
  if (wait !== undefined) return { state: 'ask', email, problem: throttledProblem(parts.clock, wait) };
  const secret = secretToken(parts.random);
  const now = parts.clock.now();
  const way = wayOf(parts) === 'link' ? 'link' : 'code';
  const one = { id: sha256(secret), uid, loginKey: key, expiresAt: now + emailSignInMs };
  const login = email.slice(0, longestLogin);
  const body: EmailSignInRequest = { id: one.id, uid, login, way, language, facts, at: now };
  requireUnit().join(parts.store.put(one));
  requireUnit().join(parts.outbox.put(emailSignInKind, body));
  ctx.append('Set-Cookie', writeSecretCookie(cookieOf(parts.issuer, uid), secret));
  return { state: way, email };
}

async function takeCode(ctx: Context, parts: EmailSignInPagesParts, interaction: Interaction): Promise<void> {
  const one = await ownOf(ctx, parts, interaction.uid);
  const account = accountOf(one);
  const at = { address: doorState(ctx).facts.ip, device: await parts.devices.known(ctx.cookies, account) };
  const outcome = await parts.check.code(one, field(ctx, 'code'), at);
  if (outcome.kind === 'right') return prove(ctx, parts, outcome);
  const event = refusal(outcome, interaction);
  if (event) currentUnit()?.events.push(event);
  const problem =
    outcome.kind === 'throttled' ? throttledProblem(parts.clock, outcome.retryAfterSeconds) : { kind: outcome.kind };
  show(ctx, parts, interaction, { state: 'code', email: field(ctx, 'email').slice(0, longestLogin), problem });
}

function refusal(
  outcome: Exclude<EmailCodeOutcome, { kind: 'right' }>,
  { clientId }: Interaction,
): AuditEvent | undefined {
  if (outcome.kind === 'missing') return undefined;
  const event = { type: 'signin.failed', actor: { kind: 'anonymous' }, client: clientId } as const;
  if (outcome.kind !== 'wrong') {
    return { ...event, outcome: 'denied', reason: outcome.kind === 'over' ? 'expired_code' : 'throttled' };
  }
  const { subject } = outcome;
  return { ...event, outcome: subject === undefined ? 'denied' : 'failure', reason: 'wrong_code', subject };
}

/** A mailbox is one factor, however it was shown; what else is needed follows. RFC 8176 has no name for it. */
async function prove(ctx: Context, parts: EmailSignInPagesParts, { user, id }: { user: User; id: string }) {
  currentUnit()?.joinStep([parts.store.use(id)], 'consume');
  seeOther(ctx, await parts.interactions.prove(ctx, { accountId: user.id, amr: ['email'], acr: singleFactor }));
}

/** Whose link it is; otherwise the answer says why it is nobody's here. */
async function arriveByLink(
  ctx: Context,
  parts: EmailSignInPagesParts,
): Promise<{ user: User; id: string } | undefined> {
  const uid = String(ctx['params']?.['uid']);
  const one: OpenEmailSignIn | undefined = await ownOf(ctx, parts, uid);
  const key = typeof ctx.query['key'] === 'string' ? ctx.query['key'] : '';
  const user = await parts.check.link(one, key);
  if (user && one) return { user, id: one.id };
  // In another browser the person who is asked for the click may not be the one who asked for the link (phishing).
  const isElsewhere = readSecretCookie(cookieOf(parts.issuer, uid), ctx.headers.cookie) === undefined;
  const time = parts.clock.now();
  const reference = doorState(ctx).requestId;
  const locals = isElsewhere
    ? ({ state: 'elsewhere', code: 'link_elsewhere', reference, time } as const)
    : ({ state: 'over', code: 'link_not_usable', reference, time, againHref: `${at({ uid })}/email` } as const);
  showPage(ctx, { views: parts.views, page: 'interaction/email-link', status: isElsewhere ? 403 : 410, locals });
  return undefined;
}

const statuses = { missing: 400, wrong: 401, over: 400, throttled: 429 } as const;

function show(ctx: Context, parts: EmailSignInPagesParts, interaction: Interaction, shown: Shown): void {
  const { problem } = shown;
  if (problem?.kind === 'throttled') ctx.set('Retry-After', String(problem.retryAfter));
  const way = wayOf(parts) === 'link' ? 'link' : 'code';
  const here = at(interaction);
  const locals = { ...shown, way, action: `${here}/email`, codeAction: `${here}/email/code`, backHref: here } as const;
  const status = problem ? statuses[problem.kind] : 200;
  showPage(ctx, { views: parts.views, page: 'interaction/email', status, locals });
}
