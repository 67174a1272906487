import type { Settings } from '../settings/module.ts';
import type { Need } from './factor.ts';

/** What the rule is judged by. */
export interface NeedFacts {
  readonly policy: Settings['mfa']['policy'];
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
