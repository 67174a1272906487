import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { AppError } from '../../foundation/errors.ts';
import { doorState, field, seeOther, showPage } from '../../foundation/http/door.ts';
import type { PageLocals } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import { busyProblem } from '../../foundation/views/waiting.ts';
import type { By } from '../audit/module.ts';
import type { Devices } from '../devices/module.ts';
import { type Passwords, refusedPassword, shortestPassword } from '../passwords/module.ts';
import { currentUnit, type SignInSessions, singleFactor } from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { OneTimeLink, Users } from '../users/module.ts';
import { createAdministrator } from './create-administrator.ts';

export interface SetUpPagesParts {
  readonly clock: Clock;
  readonly views: Views;
  readonly users: Users;
  readonly passwords: Passwords;
  readonly settings: SettingsModule;
  readonly sessions: SignInSessions;
  readonly devices: Pick<Devices, 'meet'>;
}

type Problems = NonNullable<PageLocals['set-up/set-up']['problems']>;
interface Form {
  readonly email: string;
  readonly password: string;
}

/** The page of the set-up link: shown by GET, used by POST, since scanners and previews follow links. */
export function mountSetUp(router: Router, parts: SetUpPagesParts): void {
  const create = createAdministrator(parts);

  router.get('/setup', async (ctx) => {
    const link = await usable(ctx, parts);
    if (link) show(ctx, parts, { email: link.subject });
  });

  router.post('/setup', async (ctx) => {
    if (!(await usable(ctx, parts))) return;
    const form: Form = { email: field(ctx, 'email').trim(), password: field(ctx, 'password') };
    const by: By = { actor: { kind: 'anonymous', name: 'set-up link' }, facts: doorState(ctx).facts };
    try {
      const user = await create({ ...form, secret: secretOf(ctx) }, by);
      const result = { accountId: user.id, amr: ['pwd'], acr: singleFactor };
      currentUnit()?.joinStep(parts.devices.meet(ctx.cookies, user.id, by.facts));
      await parts.sessions.start(ctx, result);
      const actor = { kind: 'user', id: user.id } as const;
      const details = { amr: result.amr, acr: result.acr, by: 'set-up link' };
      currentUnit()?.events.push({ type: 'session.started', outcome: 'success', actor, subject: user.id, details });
      seeOther(ctx, '/');
    } catch (error) {
      await explain(ctx, parts, form, error);
    }
  });
}

const secretOf = (ctx: Context): string => (typeof ctx.query['key'] === 'string' ? ctx.query['key'] : '');

/** The link while it works; else says that it does not. Whether it was used, replaced or never existed is nobody's business. */
async function usable(ctx: Context, parts: SetUpPagesParts): Promise<OneTimeLink | undefined> {
  const link = await parts.users.links.peek('set-up', secretOf(ctx));
  if (!link) linkOver(ctx, parts);
  return link;
}

function linkOver(ctx: Context, { views, clock }: SetUpPagesParts): void {
  const reference = { code: 'link_not_usable', reference: doorState(ctx).requestId, time: clock.now() };
  showPage(ctx, {
    views,
    page: 'set-up/link',
    status: 410,
    locals: { ...reference, reason: 'unknown', signInHref: '/' },
  });
}

async function explain(ctx: Context, parts: SetUpPagesParts, form: Form, error: unknown): Promise<void> {
  if (!(error instanceof AppError)) throw error;
  if (error.code === 'link_not_usable' || error.code === 'store_conflict') {
    linkOver(ctx, parts);
    return;
  }
  const busy = busyProblem(error);
  const problems = busy ? undefined : await problemsOf(form, error, parts);
  if (!busy && !problems) throw error;
  show(ctx, parts, {
    email: form.email,
    status: error.status,
    ...(problems ? { problems } : {}),
    ...(busy ? { busy } : {}),
  });
}

async function problemsOf(
  { email, password }: Form,
  error: AppError,
  { passwords }: SetUpPagesParts,
): Promise<Problems | undefined> {
  const found: { email?: Problems['email']; password?: Problems['password'] } = {};
  if (email === '') found.email = 'missing';
  else if (error.code === 'user_email_taken') found.email = 'taken';
  else if (error.fields?.['email'] !== undefined) found.email = 'invalid';
  // Whatever else is wrong: the page says all of it at once.
  found.password = (await passwords.problem(password, { email }))?.kind ?? refusedPassword(error);
  return found.email || found.password ? found : undefined;
}

interface Shown {
  readonly email?: string | undefined;
  readonly problems?: Problems;
  readonly busy?: PageLocals['set-up/set-up']['busy'];
  readonly status?: number;
}

function show(ctx: Context, parts: SetUpPagesParts, { status = 200, ...typed }: Shown): void {
  showPage(ctx, {
    views: parts.views,
    page: 'set-up/set-up',
    status,
    locals: {
      action: `/setup?key=${encodeURIComponent(secretOf(ctx))}`,
      minLength: shortestPassword(parts.settings.current()),
      meter: parts.passwords.meter({}),
      ...typed,
    },
  });
}
