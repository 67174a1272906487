import { describe, expect, it } from 'vitest';
import { tally } from './tally.mjs';

const report = (
  passed: number,
  failed: number,
  files: { status: string; assertionResults: { status: string }[] }[] = [],
) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  testResults: files,
});

describe('what npm test counts', () => {
  it('takes over the numbers of the suites', () => {
    expect(tally(report(7, 0), 0)).toEqual({ passed: 7, failed: 0 });
    const files = [{ status: 'failed', assertionResults: [{ status: 'passed' }, { status: 'failed' }] }];
    expect(tally(report(7, 1, files), 1)).toEqual({ passed: 7, failed: 1 });
  });

  it('counts a file that does not load as a failure', () => {
    expect(tally(report(7, 0, [{ status: 'failed', assertionResults: [] }]), 1)).toEqual({ passed: 7, failed: 1 });
  });

  it('counts a run that fails without a failed test as a failure', () => {
    expect(tally(report(7, 0), 1)).toEqual({ passed: 7, failed: 1 });
  });

  it('counts a run without tests and a run without a report as failures', () => {
    expect(tally(report(0, 0), 0)).toEqual({ passed: 0, failed: 1 });
    expect(tally(undefined, 0)).toEqual({ passed: 0, failed: 1 });
  });
});
