/**
 * What a run of the suites counts for. `report` is vitest's JSON report, undefined when it wrote none; `code` its exit
 * code. A file that does not even load, an unhandled rejection and a run without a single test count as failures.
 */
export function tally(report, code) {
  if (report === undefined) return { passed: 0, failed: 1 };
  const unloaded = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  ).length;
  const failed = report.numFailedTests + unloaded;
  if (failed === 0 && (code !== 0 || report.numPassedTests === 0)) return { passed: report.numPassedTests, failed: 1 };
  return { passed: report.numPassedTests, failed };
}
