import { describe, expect, it } from 'vitest';
import { nextStep, type Step } from './next-step.ts';

type Row = ['login' | 'consent', string | undefined, boolean, Step];

const table: Row[] = [
  ['login', undefined, false, 'sign-in'],
  ['login', undefined, true, 'sign-in'],
  ['login', 'ada', false, 'sign-in'],
  ['login', 'ada', true, 'sign-in'],
  ['consent', undefined, false, 'sign-in'],
  ['consent', undefined, true, 'sign-in'],
  ['consent', 'ada', false, 'consent'],
  ['consent', 'ada', true, 'sign-in'],
];

describe('the next step', () => {
  it.each(table)('for the question %s, account %s, switching %s is %s', (prompt, accountId, switching, step) => {
    expect(nextStep({ prompt, accountId, switching })).toBe(step);
  });

  it('never asks for consent of nobody', () => {
    const reached = table
      .filter(([, accountId]) => accountId === undefined)
      .map(([prompt, accountId, switching]) => nextStep({ prompt, accountId, switching }));
    expect(new Set(reached)).toEqual(new Set(['sign-in']));
  });
});
