import { hasEffect, type Mfa, type MfaPolicy } from '../../features/mfa/module.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { table, writeResult } from './result.ts';
import type { SeedMfaPolicy } from './seed-schema.ts';

/** What the commands about policies of second factors need. */
export interface MfaPolicyCommandApp {
  readonly mfa: Pick<Mfa, 'policies'>;
}

/** A policy as commands show it: as the seed file has it, and whether it counts already. */
const asResource = ({ kind, name, policy }: MfaPolicy) => ({ [kind]: name, policy, in_effect: hasEffect({ kind }) });

/** `postern mfa-policy list`: what is stored beside the setting `mfa.policy`. */
export async function mfaPolicyList(io: CommandIo, { mfa }: MfaPolicyCommandApp): Promise<ExitCode> {
  await mfa.policies.reload();
  const all = mfa.policies.all();
  const rows = all.map((one) => [
    `${one.kind} ${one.name}`,
    one.policy,
    hasEffect(one) ? 'in effect' : 'waits for organisations',
  ]);
  writeResult(io, all.map(asResource), table([['WHO', 'POLICY', 'STATE'], ...rows]));
  return 0;
}

/** Says plainly what of a seed is kept and does nothing yet: an operator must not count on it. */
export function noteWhatWaits(io: CommandIo, policies: readonly SeedMfaPolicy[]): void {
  for (const { organisation } of policies) {
    if (organisation === undefined) continue;
    io.err(
      `Note: the mfa_policy of organisation ${organisation} is stored. It takes effect once organisations exist.\n`,
    );
  }
}
