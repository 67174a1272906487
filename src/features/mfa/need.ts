import type { Need } from './factor.ts';
import type { MfaPolicyLevel } from './policy-schema.ts';

/** What the rule is judged by. */
export interface NeedFacts {
  /** What holds for this person. */
  readonly policy: MfaPolicyLevel;
  /** Whether the person has a second factor. */
  readonly enrolled: boolean;
  /** Whether the app asks for one (RFC 9470). */
  readonly asked: boolean;
}

/** What a person has to do beside the password. The one rule; the policy `off` asks nobody, whatever they have. */
export function needOf({ policy, enrolled, asked }: NeedFacts): Need {
  if (policy === 'off') return 'nothing';
  if (enrolled) return 'factor';
  return policy === 'required' || asked ? 'enrolment' : 'nothing';
}
