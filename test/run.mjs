/**
 * `npm test`, and with a word `unit`, `long`, `bench` or `timing`. Brings along what it needs, runs every check and suite even
 * when one fails, and ends with one line: `N passed, N failed`. Plain JavaScript: it runs in a fresh clone.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter } from 'node:path';
import { prepare } from '../bin/prepare.mjs';
import { inProject, root, SetUpError, say } from '../bin/set-up/place.mjs';
import { findRuntime } from '../bin/set-up/runtime.mjs';
import { meetsThresholds } from './runner/coverage.mjs';
import { provideServices } from './runner/debian.mjs';
import { provideKeycloak } from './runner/keycloak.mjs';
import { providePython } from './runner/python.mjs';
import { tally } from './runner/tally.mjs';

const inModules = (path) => inProject('node_modules', path);

/** Each counts as one test. Arguments of the pinned Node.js. */
const checks = {
  types: [inModules('typescript/bin/tsc'), '-p', 'tsconfig.json', '--noEmit'],
  oxlint: [inModules('oxlint/bin/oxlint'), '--type-aware', '--deny-warnings'],
  biome: [inModules('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.'],
  knip: [inModules('knip/bin/knip.js'), '--no-progress'],
  'models and migrations agree': [inProject('prisma/scripts/migration.mjs'), '--check'],
  licences: [inProject('test/checks/licences.mjs')],
  secrets: [inProject('test/checks/secrets.mjs')],
};

const total = { passed: 0, failed: 0 };

/** Runs the pinned Node.js. `quiet` keeps the output for the case that it fails. Resolves to the exit code. */
function node(args, { quiet = false, env = {}, minutes = 10 } = {}) {
  return new Promise((resolve) => {
    const path = [inModules('.bin'), process.env.PATH].join(delimiter);
    const stream = quiet ? 'pipe' : 'inherit';
    const child = spawn(findRuntime(), args, {
      cwd: root,
      env: { ...process.env, PATH: path, ...env },
      stdio: ['ignore', stream, stream],
      // A group of its own, so that a test that never ends is ended with every server it started.
      detached: true,
    });
    const end = endGroup(child, minutes);
    let output = '';
    for (const pipe of [child.stdout, child.stderr]) pipe?.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', (error) => process.stderr.write(`${error.message}\n`));
    child.once('close', (code) => {
      end();
      if (code !== 0) process.stdout.write(output);
      resolve(code ?? 1);
    });
  });
}

/** Ends the child's whole group when its time is up or we are told to end. Returns how to call that off. */
function endGroup(child, minutes) {
  const kill = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It has ended already.
    }
  };
  const timer = setTimeout(() => {
    process.stdout.write(`not ended after ${minutes} minutes: killed\n`);
    kill('SIGKILL');
  }, minutes * 60_000);
  const passOn = (signal) => {
    kill(signal);
    setTimeout(() => kill('SIGKILL'), 5_000).unref();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, passOn);
  return () => {
    clearTimeout(timer);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeListener(signal, passOn);
  };
}

/** Says how long the step took and whether it passed. */
async function step(name, work) {
  const began = performance.now();
  const passed = (await work()) !== false;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${passed ? 'ok    ' : 'FAILED'}  ${name}, ${seconds} s\n`);
  return passed;
}

/** A step that counts as one test. */
async function count(name, work) {
  total[(await step(name, work)) ? 'passed' : 'failed'] += 1;
}

/** Runs the suites and adds their numbers. A run that fails without a failed test counts as one failure. */
async function suites(projects, { coverage = false, env = {}, minutes = 5 } = {}) {
  const report = inProject('.cache', 'vitest.json');
  mkdirSync(inProject('.cache'), { recursive: true });
  rmSync(report, { force: true });
  const args = [
    inModules('vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  args.push(...projects.map((name) => `--project=${name}`));
  const processes = inProject('.cache', 'coverage');
  if (coverage) args.push('--coverage');
  rmSync(processes, { recursive: true, force: true });
  await step(`suites: ${projects.join(', ')}`, async () => {
    const code = await node(args, { env: coverage ? { ...env, POSTERN_COVERAGE: processes } : env, minutes });
    const counted = tally(readJson(report), code);
    total.passed += counted.passed;
    total.failed += counted.failed;
    return counted.failed === 0;
  });
  if (coverage) await count('coverage', () => isCovered(processes));
}

function isCovered(processes) {
  const found = readJson(inProject('coverage', 'coverage-final.json'));
  return found !== undefined && meetsThresholds(found, processes, readJson(inProject('test', 'coverage.json')));
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

async function everything({ long }) {
  await step('services', () => provideServices({ long }));
  if (long) await step('Keycloak', provideKeycloak);
  const check = ([name, args]) => count(name, async () => (await node(args, { quiet: true })) === 0);
  // Each of them leaves a processor idle at times, and none needs another.
  const prepared = [step('identity provider in Python', providePython), ...Object.entries(checks).map(check)];
  const failed = (await Promise.allSettled(prepared)).find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
  const projects = ['architecture', 'unit', 'integration', 'replacing', 'browser'];
  if (long) projects.push('long');
  const env = long ? { POSTERN_TEST_LONG: '1' } : {};
  await suites(projects, { coverage: true, env, minutes: long ? 12 * 60 : 60 });
}

/** The words after `npm test`. */
const modes = {
  all: () => everything({ long: false }),
  long: () => everything({ long: true }),
  unit: () => suites(['architecture', 'unit']),
  bench: async () =>
    process.exit(await node([inProject('test/bench/run.ts'), ...process.argv.slice(3)], { minutes: 120 })),
  timing: async () =>
    process.exit(await node([inProject('test/timing/run.ts'), ...process.argv.slice(3)], { minutes: 30 })),
};

const mode = process.argv[2] ?? 'all';
if (!(mode in modes)) {
  process.stderr.write(
    `unknown: ${mode}; use npm test, npm run test:unit, npm run test:long, npm run bench or npm run test:timing\n`,
  );
  process.exit(2);
}
try {
  await step('set-up', () => prepare());
  await modes[mode]();
} catch (error) {
  if (!(error instanceof SetUpError)) throw error;
  say(error.message);
  total.failed += 1;
}
process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
