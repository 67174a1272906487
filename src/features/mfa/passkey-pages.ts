import type Router from '@koa/router';
import type { Context } from 'koa';
import { doorState, field, seeOther } from '../../foundation/http/door.ts';
import type { CodeProblem } from '../../foundation/views/step-pages.ts';
import { throttledProblem } from '../../foundation/views/waiting.ts';
import type { SignatureOutcome } from '../passkeys/module.ts';
import { currentUnit, type Interaction, type Proof } from '../protocol/module.ts';
import {
  arrive,
  at,
  informOfFactor,
  type MfaPagesParts,
  openProof,
  proofBeforeEnrolment,
  refusalOf,
  rememberIfAsked,
  scopeOf,
  showCode,
  showNewEnrolment,
  showRecoveryCodes,
  tell,
  verified,
  withFactor,
} from './pages.ts';

/** Mounts the second step by passkey, and the step in which one is set up. */
export function mountPasskeySteps(router: Router, parts: MfaPagesParts): void {
  router.post('/interaction/:uid/passkey', async (ctx) => {
    const interaction = await arrive(ctx, parts);
    const proof = openProof(interaction);
    // Out of its turn: the dispatcher knows whose turn it is.
    if (!proof) return seeOther(ctx, at(interaction));
    await takeSignature(ctx, parts, interaction, proof);
  });

  router.post('/interaction/:uid/passkey/enrolment', async (ctx) => {
    const interaction = await arrive(ctx, parts);
    const proof = await proofBeforeEnrolment(parts, interaction);
    if (!proof) return seeOther(ctx, at(interaction));
    await takePasskey(ctx, parts, interaction, proof);
  });
}

async function takeSignature(
  ctx: Context,
  parts: MfaPagesParts,
  interaction: Interaction,
  proof: Proof,
): Promise<void> {
  const form = {
    challenge: field(ctx, 'challenge'),
    credential: field(ctx, 'credential'),
    address: doorState(ctx).facts.ip,
    deviceOf: (userId: string) => parts.devices.known(ctx.cookies, userId),
  };
  const place = { scope: scopeOf(interaction), userId: proof.accountId };
  const outcome = await parts.passkeys.signature.verify(place, form);
  if (outcome.kind !== 'right') {
    const refused = refusalOf(outcome, interaction, proof.accountId);
    if (refused) tell(refused);
    return showCode(ctx, parts, interaction, problemOf(parts, outcome));
  }
  currentUnit()?.joinStep(outcome.operations);
  await rememberIfAsked(ctx, parts, interaction, proof.accountId);
  tell(verified('passkey', interaction, proof.accountId, { passkey: outcome.id }));
  seeOther(ctx, await parts.interactions.prove(ctx, withFactor(proof, outcome.methods)));
}

const problemOf = ({ clock }: MfaPagesParts, outcome: Exclude<SignatureOutcome, { kind: 'right' }>): CodeProblem =>
  outcome.kind === 'throttled' ? throttledProblem(clock, outcome.retryAfterSeconds) : { kind: outcome.kind };

async function takePasskey(ctx: Context, parts: MfaPagesParts, interaction: Interaction, proof: Proof): Promise<void> {
  const { accountId } = proof;
  const owner = { id: accountId, name: '' };
  const form = { challenge: field(ctx, 'challenge'), credential: field(ctx, 'credential'), name: '' };
  const outcome = await parts.passkeys.enrolment.confirm({ owner, scope: scopeOf(interaction) }, form);
  if (outcome.kind !== 'enrolled') return showNewEnrolment(ctx, parts, interaction, outcome.kind);
  const { codes, operations } = parts.mfa.newRecoveryCodes(accountId);
  currentUnit()?.joinStep([...outcome.operations, ...operations]);
  const actor = { kind: 'user', id: accountId } as const;
  const details = { method: 'passkey', passkey: outcome.id };
  tell({ type: 'factor.added', outcome: 'success', actor, subject: accountId, details });
  await informOfFactor(ctx, parts, { accountId, method: 'passkey' });
  const nextHref = await parts.interactions.prove(ctx, withFactor(proof, outcome.methods));
  showRecoveryCodes(ctx, parts, { app: interaction.app, recoveryCodes: codes, nextHref });
}
