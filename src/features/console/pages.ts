import type Router from '@koa/router';
import type { Context } from 'koa';
import { AppError } from '../../foundation/errors.ts';
import { doorState, field, seeOther, showPage } from '../../foundation/http/door.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { AppInList, PageLocals } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { By } from '../audit/module.ts';
import type { Clients } from '../clients/module.ts';
import { appOnPage, currentUnit, houseClientId, routes, type SignInSessions } from '../protocol/module.ts';
import type { User, Users } from '../users/module.ts';

export interface ConsolePagesParts {
  readonly issuer: string;
  readonly ids: Ids;
  readonly views: Views;
  readonly clients: Clients;
  readonly users: Users;
  readonly sessions: SignInSessions;
}

type AppForm = Omit<NonNullable<PageLocals['console/home']['admin']>['form'], 'action'>;

const isAdministrator = (user: User | undefined): user is User => user?.roles.includes('super-admin') === true;

/** `/`: what this is, who is signed in, and for an administrator the way to connect an app. */
export function mountConsole(router: Router, parts: ConsolePagesParts): void {
  router.get('/', async (ctx) => {
    // The answer to our own authorization request lands here; its parameters have done their work.
    if (ctx.querystring !== '') return seeOther(ctx, '/');
    return showHome(ctx, parts, await signedIn(ctx, parts), {});
  });

  router.post('/sign-out', async (ctx) => {
    const accountId = await parts.sessions.end(ctx);
    if (accountId !== undefined) {
      const actor = { kind: 'user', id: accountId } as const;
      currentUnit()?.events.push({ type: 'session.ended', outcome: 'success', actor, subject: accountId });
    }
    seeOther(ctx, '/');
  });

  router.post('/apps', async (ctx) => connectApp(ctx, parts));
}

/** The account of this browser, unless it was disabled. */
async function signedIn(ctx: Context, { sessions, users }: ConsolePagesParts): Promise<User | undefined> {
  const id = await sessions.accountOf(ctx);
  const user = id === undefined ? undefined : await users.find(id);
  return user?.disabledAt === undefined ? user : undefined;
}

async function showHome(
  ctx: Context,
  parts: ConsolePagesParts,
  user: User | undefined,
  { form = {}, status = 200 }: { form?: AppForm; status?: number },
): Promise<void> {
  const needsSetUp = user === undefined && !(await parts.users.hasAdministrator());
  showPage(ctx, {
    views: parts.views,
    page: 'console/home',
    status,
    locals: {
      needsSetUp,
      signInHref: user || needsSetUp ? undefined : signInAddress(parts),
      account: user && { label: user.email, signOutAction: '/sign-out', accountHref: '/account' },
      admin: isAdministrator(user) ? { apps: listApps(parts.clients), form: { ...form, action: '/apps' } } : undefined,
    },
  });
}

/** Our own pages sign people in through the front door, as every app does; they need no token. */
function signInAddress({ issuer, ids }: ConsolePagesParts): string {
  const query = new URLSearchParams({
    client_id: houseClientId,
    response_type: 'none',
    scope: 'openid',
    redirect_uri: `${issuer}/`,
    state: ids.next(),
  });
  return `${routes.authorization}?${query}`;
}

const listApps = (clients: Clients): AppInList[] =>
  clients.all().map(({ clientId, disabledAt, metadata }) => {
    const app = appOnPage(clients, clientId);
    return {
      clientId,
      name: app?.name ?? clientId,
      host: app?.host,
      disabled: disabledAt !== undefined,
      withoutPkce: !metadata.require_pkce,
    };
  });

async function connectApp(ctx: Context, parts: ConsolePagesParts): Promise<void> {
  const user = await signedIn(ctx, parts);
  if (!isAdministrator(user)) throw notAllowed(ctx, user);
  const form = { name: field(ctx, 'name').trim(), redirectUri: field(ctx, 'redirect_uri').trim() };
  const by: By = { actor: { kind: 'user', id: user.id }, facts: doorState(ctx).facts };
  try {
    const { client, clientSecret } = await parts.clients.create(
      {
        client_name: form.name,
        redirect_uris: [form.redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
      by,
    );
    showCreated(ctx, parts, { ...form, clientId: client.clientId, clientSecret: clientSecret ?? '' });
  } catch (error) {
    if (!(error instanceof AppError) || error.fields === undefined) throw error;
    await showHome(ctx, parts, user, { form: { ...form, problems: problemsOf(form, error) }, status: 400 });
  }
}

function notAllowed(ctx: Context, user: User | undefined): AppError {
  currentUnit()?.events.push({
    type: 'access.denied',
    outcome: 'denied',
    reason: 'not_administrator',
    actor: user ? { kind: 'user', id: user.id } : { kind: 'anonymous' },
    details: { path: ctx.path },
  });
  return new AppError('access_denied', 403, 'Only an administrator can connect an app. Sign in as one first.');
}

function problemsOf(
  { name, redirectUri }: { name: string; redirectUri: string },
  error: AppError,
): AppForm['problems'] {
  const fields = Object.entries(error.fields ?? {});
  const uri = fields.find(([field]) => field.startsWith('redirect_uri'))?.[1];
  const isLong = name !== '' && fields.some(([field]) => field === 'client_name');
  return {
    name: name === '' ? 'missing' : isLong ? 'long' : undefined,
    redirectUri: redirectUri === '' ? 'missing' : uri === undefined ? undefined : uriProblem(uri),
  };
}

/** The page has words of its own for what the clients room says in one line. */
function uriProblem(said: string): 'fragment' | 'insecure' | 'invalid' {
  if (said.includes('fragment')) return 'fragment';
  return said.includes('https') ? 'insecure' : 'invalid';
}

interface Created {
  readonly name: string;
  readonly redirectUri: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

function showCreated(ctx: Context, { views, issuer }: ConsolePagesParts, created: Created): void {
  showPage(ctx, {
    views,
    page: 'console/first-app-created',
    locals: {
      ...created,
      endpoints: {
        discovery: `${issuer}/.well-known/openid-configuration`,
        token: `${issuer}${routes.token}`,
        introspection: `${issuer}${routes.introspection}`,
      },
      homeHref: '/',
    },
  });
}
