import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/runner/longest-first.ts';

const minute = 60_000;
const browserSuites = ['test/e2e/**/*.test.ts', 'test/pages/**/*.test.ts'];
const longSuites = ['test/long/**/*.test.ts'];
/** What they put in a module's place would stay there for the files after them. */
const replacesModules = ['test/security/throttle.test.ts'];
const isLong = process.env.POSTERN_TEST_LONG === '1';
const patience = isLong ? 60 * minute : 20 * minute;

interface Files {
  readonly include: string[];
  readonly exclude?: string[];
  readonly workers: number;
  readonly isolate?: boolean;
}

/** Projects with different numbers of workers need their own place in the order; the cheap ones go first. */
const project = (name: string, order: number, options: Files) => ({
  test: {
    name,
    include: options.include,
    exclude: ['**/node_modules/**', ...(options.exclude ?? [])],
    pool: 'forks' as const,
    maxWorkers: options.workers,
    // Modules are loaded once a worker, which halves the time of most suites: none keeps anything of a product for the next.
    isolate: options.isolate ?? false,
    setupFiles: ['test/runner/before-each-file.ts'],
    sequence: { groupOrder: order },
    // They end what hangs and are no measure of anything: the slowest machine must not meet them.
    testTimeout: patience,
    hookTimeout: patience,
    expect: { poll: { timeout: minute, interval: 20 } },
  },
});

export default defineConfig({
  test: {
    projects: [
      project('architecture', 1, { include: ['test/architecture/**/*.test.ts'], workers: 1 }),
      project('unit', 2, { include: ['src/**/*.test.ts'], workers: Math.min(4, availableParallelism()) }),
      // Two at a time: each starts servers of its own, and the machines we promise to serve have two cores.
      project('integration', 3, {
        include: ['test/**/*.test.ts'],
        exclude: ['test/architecture/**', ...browserSuites, ...longSuites, ...replacesModules],
        workers: 2,
      }),
      project('replacing', 3, { include: replacesModules, workers: 2, isolate: true }),
      // In one order with those: neither worker waits while the other one ends a group.
      project('browser', 3, { include: browserSuites, workers: 2 }),
      ...(isLong ? [project('long', 4, { include: longSuites, workers: 1 })] : []),
    ],
    sequence: { sequencer: LongestFirst },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/generated/**', 'src/**/*.test.ts'],
      // test/runner/coverage.mjs adds what started servers ran, and compares with test/coverage.json.
      reporter: ['json'],
      reportsDirectory: 'coverage',
      reportOnFailure: true,
    },
  },
});
