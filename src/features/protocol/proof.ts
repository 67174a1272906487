import { secondFactorReason, singleFactor } from './assurance.ts';
import { isAtRisk, sessionRiskReason } from './session-risk.ts';

/** How a person proved to be who they are. */
export interface SignInResult {
  readonly accountId: string;
  /** RFC 8176 method references. */
  readonly amr: readonly string[];
  readonly acr: string;
  /** Whether the sign-in is to outlast the browser. */
  readonly remember?: boolean | undefined;
}

/** What is proved so far for the question that the engine asks. */
export interface Proof extends SignInResult {
  /** Where: within this interaction, or before it, by the session that is there. */
  readonly by: 'interaction' | 'session';
  /** When the sign-in took place that this adds to, in seconds; absent for one that takes place now. */
  readonly authTime?: number | undefined;
}

/**
 * Whether a passkey that did not check its person is all that was shown. More of what somebody holds adds nothing to
 * that: the second factor is then something that they know.
 */
export const provedByKeyAlone = (amr: readonly string[]): boolean => amr.includes('pop') && !amr.includes('pwd');

/**
 * Whether a mailbox is all that was shown. NIST SP 800-63B-4 §3.1.3.1 takes e-mail for no authenticator, so no other
 * factor makes two of it: what counts begins with the password, or with a passkey that checks its person.
 */
export const provedByEmailAlone = (amr: readonly string[]): boolean => amr.includes('email') && !amr.includes('pwd');

/** Whether only the password makes more of what was shown. */
export const wantsPassword = (amr: readonly string[]): boolean => provedByKeyAlone(amr) || provedByEmailAlone(amr);

/** A proof as the interaction keeps it. */
export interface KeptProof extends SignInResult {
  readonly authTime?: number | undefined;
  /** Milliseconds since the epoch. */
  readonly keptAt: number;
}

/** How long a password that was typed waits for the next step, in milliseconds: nobody else should find it there. */
export const keptProofMs = 10 * 60 * 1000;

/** What a proof is judged by: all of it is stored. */
export interface ProofFacts {
  readonly prompt: 'login' | 'not-allowed' | 'consent';
  readonly reasons: readonly string[];
  readonly switching: boolean;
  readonly kept: KeptProof | undefined;
  readonly session: Omit<Proof, 'by'> | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * What counts as proved. A session counts where the engine is content with it or only wants more than it has; where
 * it asks for the person again (`prompt=login`, `max_age`, another account), what was proved before is worth nothing.
 * Where the session was used in an odd way, its second factor is.
 */
export function proofOf({ prompt, reasons, switching, kept, session, now }: ProofFacts): Proof | undefined {
  if (kept && now - kept.keptAt < keptProofMs) {
    const { keptAt: _keptAt, ...proof } = kept;
    return { ...proof, by: 'interaction' };
  }
  if (switching || !session) return undefined;
  const wantsMoreOnly = reasons.every((reason) => reason === secondFactorReason || reason === sessionRiskReason);
  if (prompt === 'login' && !wantsMoreOnly) return undefined;
  return isAtRisk({ reasons }) ? proofAtRisk(session) : { ...session, by: 'session' };
}

/**
 * Of a session that somebody else may have, the password counts, which is to be joined by a second factor; what came
 * without one has to be shown again as a whole.
 */
const proofAtRisk = (session: Omit<Proof, 'by'>): Proof | undefined =>
  session.amr.includes('pwd') ? { ...session, acr: singleFactor, by: 'session' } : undefined;
