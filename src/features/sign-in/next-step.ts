import { type Interaction, isAtRisk, multiFactor, wantsPassword } from '../protocol/module.ts';

/** The steps a person may be asked to take; `done` is none: the engine is answered. */
export type Step = 'sign-in' | 'not-allowed' | 'second-factor' | 'enrolment' | 'new-password' | 'consent' | 'done';

/** What the person has to do beside the password, as mfa's rule says. */
export type Need = 'nothing' | 'factor' | 'enrolment';

/** What is still due of the account. */
export interface Dues {
  readonly need: Need;
  readonly owesPassword: boolean;
}

/**
 * Decides the next step from what is stored, and nothing else. Every step returns here, and none leads to another, so
 * that no step can be skipped by going to its address. `need` is that of the account which the proof is of, and so is
 * whether it `owesPassword`: a new one in place of one that was typed and is too old.
 */
export function nextStep(
  { prompt, reasons, proof }: Pick<Interaction, 'prompt' | 'reasons' | 'proof'>,
  { need, owesPassword }: Dues,
): Step {
  if (proof === undefined) return 'sign-in';
  const stopped = proof.by === 'session' ? stopsSession({ prompt, reasons }, need) : undefined;
  if (stopped !== undefined) return stopped;
  if (proof.acr !== multiFactor && need !== 'nothing') {
    // Beside a key that did not check its person, and after a mailbox, only their password makes more of it.
    if (wantsPassword(proof.amr)) return 'sign-in';
    return need === 'factor' ? 'second-factor' : 'enrolment';
  }
  // After the second factor: the password alone must not be enough to replace it.
  if (owesPassword) return 'new-password';
  // What was proved here is to be told first; a question for consent comes back by itself.
  return prompt === 'consent' && proof.by === 'session' ? 'consent' : 'done';
}

/** What keeps whoever is signed in already from every other step. Somebody who has signed in here since is judged anew by the engine. */
function stopsSession({ prompt, reasons }: Pick<Interaction, 'prompt' | 'reasons'>, need: Need): Step | undefined {
  if (prompt === 'not-allowed') return 'not-allowed';
  // The session was used in an odd way: a factor is shown with it, or, where there is none, everything anew. To set one up
  // would let whoever has the session make it theirs.
  if (isAtRisk({ reasons })) return need === 'factor' ? 'second-factor' : 'sign-in';
  return undefined;
}
