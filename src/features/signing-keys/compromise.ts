import { AppError } from '../../foundation/errors.ts';
import type { By } from '../audit/module.ts';
import { type ChangeParts, changeKeys } from './change-keys.ts';
import { signingKeyUnknown } from './errors.ts';
import { type Algorithm, type CompromiseReport, isForEncryption, type SigningKey } from './key.ts';
import type { KeyMemory } from './memory.ts';
import { keyOf, type Step } from './plan.ts';

const roundsAtMost = 8;

export function createCompromise(parts: ChangeParts & { readonly memory: KeyMemory }) {
  return {
    async compromise(kid: string, by: By): Promise<CompromiseReport> {
      for (let round = 0; round < roundsAtMost; round++) {
        const read = await parts.memory.refresh();
        const key = read.keys.find((candidate) => candidate.kid === kid);
        if (key === undefined) throw signingKeyUnknown(kid);
        const steps: Step[] = [{ kind: 'remove', alg: key.alg, kid }, ...replacement(read.keys, key)];
        if (!(await changeKeys(parts, { read, steps, by, compromised: kid }))) continue;
        await parts.memory.refresh();
        return reportOf(key, keyOf(parts.memory.list(), key.alg, 'current'));
      }
      throw new AppError(
        'store_conflict',
        409,
        'The signing keys are being changed by several processes. Repeat in a moment.',
      );
    },
  };
}

/** Who signs instead: the published successor when there is one, for relying parties know it already. */
function replacement(
  keys: readonly SigningKey[],
  { alg, state }: { alg: Algorithm; state: SigningKey['state'] },
): Step[] {
  if (state !== 'current') return [];
  const next = keyOf(keys, alg, 'next');
  return next === undefined
    ? [{ kind: 'create', alg, state: 'current' }]
    : [{ kind: 'promote', alg, next: next.kid, current: undefined }];
}

function reportOf({ kid, alg, state }: SigningKey, current: SigningKey | undefined): CompromiseReport {
  const common = { kid, alg, state };
  if (state === 'next' && !isForEncryption(alg))
    return { ...common, stops: ['Nothing: this key had not signed anything yet.'] };
  if (isForEncryption(alg)) {
    const lost = [
      `Requests that are encrypted to ${kid} can no longer be read; apps have to fetch the keys again.`,
      'Whoever has the key can read what was encrypted to it before.',
    ];
    return { ...common, ...(current === undefined ? {} : { replacement: current.kid }), stops: lost };
  }
  const stops = [
    `JWT access tokens signed with ${kid} are refused by Postern at once, and by APIs as soon as they fetch the keys again.`,
    `ID tokens signed with ${kid} can no longer be verified; people stay signed in, apps get new ones at the next sign-in.`,
    'Opaque access tokens, refresh tokens and sign-in sessions go on working.',
  ];
  if (state === 'retired' || current === undefined) return { ...common, stops };
  const fetching = `Apps and APIs that cache the keys must fetch them again to accept ${current.kid}; most do so when they meet an unknown key.`;
  return { ...common, replacement: current.kid, stops: [...stops, fetching] };
}
