import type { Interaction } from '../protocol/module.ts';

/** The steps a person may be asked to take. */
export type Step = 'sign-in' | 'consent';

/**
 * Decides the next step from what is stored, and nothing else. Every step returns here, and none leads to another, so
 * that no step can be skipped by going to its address.
 */
export function nextStep(interaction: Pick<Interaction, 'prompt' | 'accountId' | 'switching'>): Step {
  if (interaction.accountId === undefined || interaction.switching) return 'sign-in';
  return interaction.prompt === 'login' ? 'sign-in' : 'consent';
}
