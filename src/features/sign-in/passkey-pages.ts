import type Router from '@koa/router';
import type { Context } from 'koa';
import { doorState, field, seeOther } from '../../foundation/http/door.ts';
import { throttledProblem } from '../../foundation/views/waiting.ts';
import type { AuditEvent } from '../audit/module.ts';
import type { SignatureOutcome } from '../passkeys/module.ts';
import { currentUnit, type Interaction, multiFactor, type SignInResult, singleFactor } from '../protocol/module.ts';
import { type AttemptResult, leadsTo, type Problem, type SignInPagesParts, scopeOf, show, stepOf } from './pages.ts';

/** Mounts sign-in by passkey, in place of a login and a password. */
export function mountPasskeySignIn(router: Router, parts: SignInPagesParts): void {
  const { interactions, passkeys } = parts;

  router.post('/interaction/:uid/sign-in/passkey', async (ctx) => {
    const interaction = await interactions.current(ctx);
    leadsTo(ctx, interaction);
    // Out of its turn: the dispatcher knows whose turn it is.
    if ((await stepOf(ctx, parts, interaction)) !== 'sign-in') return seeOther(ctx, `/interaction/${interaction.uid}`);
    const form = {
      challenge: field(ctx, 'challenge'),
      credential: field(ctx, 'credential'),
      address: doorState(ctx).facts.ip,
      deviceOf: (userId: string) => parts.devices.known(ctx.cookies, userId),
    };
    const began = performance.now();
    const outcome = await passkeys.signature.verify({ scope: scopeOf(interaction) }, form);
    count(parts, outcome, (performance.now() - began) / 1000);
    const event = eventOf(outcome, interaction);
    if (event) currentUnit()?.events.push(event);
    if (outcome.kind !== 'right') return show(ctx, parts, interaction, { problem: problemOf(parts, outcome) });
    await goOn(ctx, parts, outcome);
  });
}

/** The key was right: keeps that, and lets the dispatcher say what is still to come. */
async function goOn(
  ctx: Context,
  { interactions }: SignInPagesParts,
  outcome: SignatureOutcome & { kind: 'right' },
): Promise<void> {
  currentUnit()?.joinStep(outcome.operations);
  seeOther(ctx, await interactions.prove(ctx, resultOf(outcome)));
}

/** A key that has checked its person is something that they have and something that they know or are: two factors. */
const resultOf = ({ userId, verified, methods }: SignatureOutcome & { kind: 'right' }): SignInResult => ({
  accountId: userId,
  amr: verified ? [...methods, 'mfa'] : methods,
  acr: verified ? multiFactor : singleFactor,
});

const results: Partial<Record<SignatureOutcome['kind'], AttemptResult>> = {
  right: 'success',
  wrong: 'failure',
  throttled: 'throttled',
};

function count(parts: SignInPagesParts, outcome: SignatureOutcome, seconds: number): void {
  const result = results[outcome.kind];
  if (result) currentUnit()?.afterCommit.push(() => parts.onAttempt({ method: 'passkey', result, seconds }));
}

function problemOf({ clock }: SignInPagesParts, outcome: Exclude<SignatureOutcome, { kind: 'right' }>): Problem {
  if (outcome.kind === 'throttled') return throttledProblem(clock, outcome.retryAfterSeconds);
  return { kind: 'passkey', why: outcome.kind };
}

function eventOf(outcome: SignatureOutcome, { clientId: client }: Interaction): AuditEvent | undefined {
  const actor = { kind: 'anonymous' } as const;
  switch (outcome.kind) {
    case 'right': {
      const { userId: id } = outcome;
      const details = { method: 'passkey', passkey: outcome.id };
      return { type: 'factor.verified', outcome: 'success', actor: { kind: 'user', id }, subject: id, client, details };
    }
    case 'throttled':
      return { type: 'signin.failed', outcome: 'denied', reason: 'throttled', actor, client };
    case 'wrong': {
      const { reason, subject } = outcome;
      // Somebody's key is worth a row each time; keys that nobody has coalesce.
      return { type: 'signin.failed', outcome: subject ? 'failure' : 'denied', reason, actor, subject, client };
    }
    case 'missing':
    case 'expired':
      return undefined;
  }
}
