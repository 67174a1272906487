import { describe, expect, it } from 'vitest';
import {
  type KeptProof,
  keptProofMs,
  multiFactor,
  type ProofFacts,
  proofOf,
  secondFactorReason,
  sessionRiskReason,
  singleFactor,
} from '../protocol/module.ts';
import { type Need, nextStep, type Step } from './next-step.ts';

const now = 1_800_000_000_000;
const needs: readonly Need[] = ['nothing', 'factor', 'enrolment'];
const prompts = ['login', 'consent'] as const;
const reasons = {
  nobody: ['no_session'],
  again: ['login_prompt'],
  more: [secondFactorReason],
  'again and more': ['max_age', secondFactorReason],
  risk: [sessionRiskReason],
  'more and risk': [secondFactorReason, sessionRiskReason],
  'again and risk': ['login_prompt', sessionRiskReason],
} as const;
const byPassword = ['pwd'];
/** A passkey that did not check its person. */
const byKey = ['pop', 'hwk', 'user'];
const byMail = ['email'];
const sessions = {
  none: undefined,
  first: [singleFactor, byPassword],
  key: [singleFactor, byKey],
  mail: [singleFactor, byMail],
  second: [multiFactor, byPassword],
  'key and second': [multiFactor, byKey],
} as const;
const kepts = {
  none: undefined,
  first: [singleFactor, 0, byPassword],
  key: [singleFactor, 0, byKey],
  mail: [singleFactor, 0, byMail],
  second: [multiFactor, 0, byPassword],
  'key and second': [multiFactor, 0, byKey],
  'first, too old': [singleFactor, keptProofMs, byPassword],
  'key, too old': [singleFactor, keptProofMs, byKey],
  'second, too old': [multiFactor, keptProofMs, byPassword],
} as const;

interface State {
  readonly prompt: 'login' | 'not-allowed' | 'consent';
  readonly why: keyof typeof reasons;
  readonly session: keyof typeof sessions;
  readonly switching: boolean;
  readonly kept: keyof typeof kepts;
  readonly need: Need;
  readonly owesPassword: boolean;
}

const names = <T extends object>(of: T) => Object.keys(of) as (keyof T)[];

/** Every state there is: all of it is stored, and nothing else is looked at. */
const states: readonly State[] = prompts.flatMap((prompt) =>
  names(reasons).flatMap((why) =>
    names(sessions).flatMap((session) =>
      [false, true].flatMap((switching) =>
        names(kepts).flatMap((kept) =>
          needs.flatMap((need) =>
            [false, true].map((owesPassword) => ({ prompt, why, session, switching, kept, need, owesPassword })),
          ),
        ),
      ),
    ),
  ),
);

function factsOf({ prompt, why, session, switching, kept }: State): ProofFacts {
  const [keptAcr, age = 0, keptAmr = []] = kepts[kept] ?? [];
  const proof: KeptProof | undefined = keptAcr && { accountId: 'ada', amr: keptAmr, acr: keptAcr, keptAt: now - age };
  const [acr, amr = []] = sessions[session] ?? [];
  return {
    prompt,
    reasons: reasons[why],
    switching,
    kept: proof,
    session: acr && { accountId: 'ada', amr, acr, authTime: 1 },
    now,
  };
}

const stepOf = (state: State): Step =>
  nextStep({ prompt: state.prompt, reasons: reasons[state.why], proof: proofOf(factsOf(state)) }, state);
const inStates = (which: (state: State) => boolean): Set<Step> => new Set(states.filter(which).map(stepOf));

const wantingPassword = new Set<string>(['key', 'mail']);
/** Whether a password, a key or a mailbox was proved that counts here, and a second factor with it: said a second time, in other words. */
const keptFresh = ({ kept }: State) => kept !== 'none' && !kept.endsWith('too old');
const atRisk = ({ why }: State) => why.endsWith('risk');
const byPasswordAlone = ({ session }: State) => session === 'first' || session === 'second';
const sessionCounts = (state: State) => {
  const { prompt, why, session, switching } = state;
  const asksForMore = why === 'more' || why === 'risk' || why === 'more and risk';
  return (
    session !== 'none' &&
    !switching &&
    (prompt === 'consent' || asksForMore) &&
    (!atRisk(state) || byPasswordAlone(state))
  );
};
/** What is shown of a session that somebody else may have is half of it, and only beside a factor that there is. */
const provedFirst = (state: State) =>
  keptFresh(state) || (sessionCounts(state) && (!atRisk(state) || state.need === 'factor'));
const provedSecond = (state: State) =>
  keptFresh(state)
    ? state.kept.endsWith('second')
    : sessionCounts(state) && !atRisk(state) && state.session.endsWith('second');
const provedWithoutPassword = (state: State) =>
  keptFresh(state) ? wantingPassword.has(state.kept) : sessionCounts(state) && wantingPassword.has(state.session);

const complete = (state: State) => provedFirst(state) && (provedSecond(state) || state.need === 'nothing');

describe(`the next step, over all ${states.length} states`, () => {
  it('is the password wherever nothing counts as proved', () => {
    expect(inStates((state) => !provedFirst(state))).toEqual(new Set(['sign-in']));
    expect(inStates((state) => provedFirst(state) && !provedWithoutPassword(state)).has('sign-in')).toBe(false);
  });

  it('never leaves out a second factor that is needed', () => {
    const owing = (state: State) => provedFirst(state) && !provedSecond(state) && !provedWithoutPassword(state);
    expect(inStates((state) => owing(state) && state.need === 'factor')).toEqual(new Set(['second-factor']));
    expect(inStates((state) => owing(state) && state.need === 'enrolment')).toEqual(new Set(['enrolment']));
  });

  it('is the password beside a key that did not check its person or a mailbox, and no second key or code', () => {
    expect(inStates((state) => provedWithoutPassword(state) && state.need !== 'nothing')).toEqual(new Set(['sign-in']));
  });

  it('asks for no factor that is shown already, or that nobody needs', () => {
    expect(inStates(complete)).toEqual(new Set(['done', 'consent', 'new-password']));
  });

  it('asks for a new password once everything else is proved, and hands nothing out before', () => {
    const owing = (state: State) => complete(state) && state.owesPassword;
    expect(inStates(owing)).toEqual(new Set(['new-password']));
    expect(inStates((state) => !owing(state)).has('new-password')).toBe(false);
  });

  it('is consent only for whom the engine knows, and an answer for whom it does not', () => {
    const free = (state: State) => complete(state) && !state.owesPassword;
    const asked = (state: State) => free(state) && state.prompt === 'consent' && !keptFresh(state);
    expect(inStates(asked)).toEqual(new Set(['consent']));
    expect(inStates((state) => free(state) && !asked(state))).toEqual(new Set(['done']));
  });

  it('takes nothing that was shown before for an answer, where the session was used in an odd way', () => {
    const before = (state: State) => atRisk(state) && !keptFresh(state);
    expect(inStates(before)).toEqual(new Set(['sign-in', 'second-factor']));
    expect(inStates((state) => before(state) && state.need !== 'factor')).toEqual(new Set(['sign-in']));
  });

  it('tells whom an app is not for, and nobody who has come as somebody else since, before anything is asked of them', () => {
    for (const state of states.filter(({ prompt }) => prompt === 'consent')) {
      const step = stepOf({ ...state, prompt: 'not-allowed' });
      expect(step === 'not-allowed').toBe(sessionCounts(state) && !keptFresh(state));
    }
  });

  it('reaches every other step', () => {
    expect(inStates(() => true)).toEqual(
      new Set(['sign-in', 'second-factor', 'enrolment', 'new-password', 'consent', 'done']),
    );
  });
});
