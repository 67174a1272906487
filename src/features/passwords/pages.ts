import type Router from '@koa/router';
import type { Context } from 'koa';
import { doorState, field, seeOther, showPage } from '../../foundation/http/door.ts';
import { formActionSource } from '../../foundation/http/security-headers.ts';
import type { PageLocals } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import { busyProblem } from '../../foundation/views/waiting.ts';
import { type Interaction, type Interactions, multiFactor, type Proof } from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { User, Users } from '../users/module.ts';
import { refusedPassword } from './errors.ts';
import type { Passwords } from './module.ts';
import { shortestPassword } from './policy.ts';
import type { ReplaceOwn } from './replace-own.ts';

export interface PasswordPagesParts {
  readonly views: Views;
  readonly users: Users;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly interactions: Interactions;
  readonly passwords: Passwords;
  readonly replaceOwn: ReplaceOwn;
  /** What a person has to do beside the password; `asked` is whether the app asks for a second factor. */
  readonly need: (accountId: string, asked: boolean) => Promise<'nothing' | 'factor' | 'enrolment'>;
}

const at = ({ uid }: Interaction): string => `/interaction/${uid}`;

/** Whether what was typed here is a password that is too old. */
export const owesNewPassword = async (passwords: Pick<Passwords, 'isDue'>, proof: Proof): Promise<boolean> =>
  proof.by === 'interaction' && proof.amr.includes('pwd') && passwords.isDue(proof.accountId);

/** Mounts what the step posts: a new password in place of one that is too old. */
export function mountPasswords(router: Router, parts: PasswordPagesParts): void {
  router.post('/interaction/:uid/new-password', async (ctx) => {
    const interaction = await parts.interactions.current(ctx);
    const source = interaction.redirectUri && formActionSource(interaction.redirectUri);
    if (source) doorState(ctx).formActions.push(source);
    const user = await whoseTurn(parts, interaction);
    // Out of its turn: the dispatcher knows whose turn it is.
    if (!user) return seeOther(ctx, at(interaction));
    await change(ctx, parts, interaction, user);
  });
}

/** Who owes a new password here. Nobody who owes a second factor: the password alone must not be enough to replace it. */
async function whoseTurn(parts: PasswordPagesParts, interaction: Interaction): Promise<User | undefined> {
  const { proof, asksForSecondFactor } = interaction;
  if (!proof || !(await owesNewPassword(parts.passwords, proof))) return undefined;
  const isProved = proof.acr === multiFactor;
  if (!isProved && (await parts.need(proof.accountId, asksForSecondFactor)) !== 'nothing') return undefined;
  return parts.users.find(proof.accountId);
}

type Problem = PageLocals['interaction/new-password']['problem'];

async function change(ctx: Context, parts: PasswordPagesParts, interaction: Interaction, user: User): Promise<void> {
  const { passwords } = parts;
  const password = field(ctx, 'password');
  const by = { actor: { kind: 'user', id: user.id }, facts: doorState(ctx).facts } as const;
  try {
    const setting = await passwords.set(user.id, password, user, by);
    // Whatever the history says: the same one again would be no answer to what was asked.
    if ((await passwords.check(user.id, password)).ok) return show(ctx, parts, interaction, { kind: 'former' });
    const { signInId: here, uid: within } = interaction;
    await parts.replaceOwn({ user, setting, here, within }, doorState(ctx));
    seeOther(ctx, at(interaction));
  } catch (error) {
    const kind = refusedPassword(error);
    const problem = kind === undefined ? busyProblem(error) : { kind };
    if (!problem) throw error;
    await show(ctx, parts, interaction, problem);
  }
}

/** Shows the step. */
export const showNewPassword =
  (parts: PasswordPagesParts) =>
  (ctx: Context, interaction: Interaction): Promise<void> =>
    show(ctx, parts, interaction, undefined);

async function show(
  ctx: Context,
  { views, users, settings, passwords }: PasswordPagesParts,
  interaction: Interaction,
  problem: Problem,
): Promise<void> {
  if (problem?.kind === 'busy') ctx.set('Retry-After', String(problem.retryAfter));
  const { app, proof } = interaction;
  const user = proof && (await users.find(proof.accountId));
  const here = at(interaction);
  showPage(ctx, {
    views,
    page: 'interaction/new-password',
    status: problem === undefined ? 200 : problem.kind === 'busy' ? 503 : 400,
    locals: {
      app,
      account: user?.email ?? '',
      action: `${here}/new-password`,
      denyAction: `${here}/deny`,
      switchAction: `${here}/switch`,
      minLength: shortestPassword(settings.current()),
      meter: passwords.meter(user ?? {}),
      problem,
    },
  });
}
