/**
 * Compiles argon2 for this machine's CPU, which halves the cost of a password check (the package ships a build for the
 * oldest CPU of its kind). `node bin/build-argon2.mjs [--march NAME --out FOLDER]` makes another one elsewhere, for an
 * image; ARGON2_PREBUILD=FOLDER then chooses it at start. Where there is no compiler the shipped build serves.
 */
import { createHash } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { arch } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readRecord, writeRecord } from './set-up/fingerprint.mjs';
import { inProject, orExplain, say } from './set-up/place.mjs';
import { run } from './set-up/run.mjs';
import { findRuntime } from './set-up/runtime.mjs';

const source = inProject('node_modules', 'argon2');
const ownFolder = join(source, 'build', 'Release');
const nodeApi = [
  'NAPI_VERSION=8',
  'NODE_ADDON_API_DISABLE_DEPRECATED',
  'NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED',
  'NODE_GYP_MODULE_NAME=argon2',
  'BUILDING_NODE_EXTENSION',
];
const remedy = 'the build that comes with the package is used instead.';

/** Whether nothing is to be gained: compiled for this very CPU, tried in vain, or no compiler here. */
export function isTuned() {
  const record = readRecord('argon2');
  if (record === undefined) return !canCompile() && !existsSync(ownFolder);
  return record.made === whatItIsMadeFor() && (record.failed || existsSync(join(ownFolder, 'argon2.node')));
}

/** Compiles, checks and measures. A failure is said in one line and is no reason not to start. */
export async function tune() {
  // A build for another CPU would end the server with an illegal instruction.
  rmSync(ownFolder, { recursive: true, force: true });
  let failed = false;
  if (canCompile()) {
    say('compiling argon2 for this CPU');
    try {
      const before = await measure(source);
      await compile('native', ownFolder);
      say(`one password check takes ${await measure(source)} ms instead of ${before} ms`);
    } catch (error) {
      failed = true;
      rmSync(ownFolder, { recursive: true, force: true });
      say(`argon2 was not compiled for this CPU: ${error.message}`);
    }
  }
  writeRecord('argon2', { made: whatItIsMadeFor(), failed: failed || !canCompile() });
}

const canCompile = () => process.platform === 'linux' && inPath('gcc') && inPath('g++') && existsSync(headers());

function inPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The headers that come with the pinned Node.js. Node-API is stable, so they fit newer ones as well. */
const headers = () => inProject('node_modules', `node-linux-${arch()}`, 'include', 'node');

/** Changes when the package, the CPU or the presence of a compiler does. */
function whatItIsMadeFor() {
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  return createHash('sha256').update([version, arch(), cpu(), canCompile()].join('\n')).digest('hex');
}

/** What the first core says it is and can do. Only the beginning is read: on a large machine the whole takes long. */
function cpu() {
  if (process.platform !== 'linux') return '';
  const file = openSync('/proc/cpuinfo', 'r');
  const start = Buffer.alloc(4096);
  const length = readSync(file, start);
  closeSync(file);
  const lines = start.toString('latin1', 0, length).split('\n\n')[0].split('\n');
  return lines.filter((line) => /^(model|flags|Features|CPU (implementer|variant|part))/.test(line)).join('\n');
}

/** What the package's own binding.gyp builds, by two compilers and without Python. */
async function compile(march, folder) {
  const parts = [
    'argon2.c',
    'blake2/blake2b.c',
    'core.c',
    'encoding.c',
    'thread.c',
    arch() === 'x64' ? 'opt.c' : 'ref.c',
  ];
  const folders = [join(source, 'argon2', 'include'), inProject('node_modules', 'node-addon-api'), headers()];
  const common = [
    '-O3',
    `-march=${march}`,
    '-DNDEBUG',
    '-fPIC',
    '-fvisibility=hidden',
    ...folders.map((path) => `-I${path}`),
  ];
  const scratch = inProject('.cache', `argon2-${process.pid}`);
  mkdirSync(scratch, { recursive: true });
  try {
    const objects = parts.map((part) => join(scratch, `${part.replace('/', '-')}.o`));
    for (const [index, part] of parts.entries()) {
      await run('gcc', [...common, '-c', join(source, 'argon2', 'src', part), '-o', objects[index]], { remedy });
    }
    const binding = ['-std=c++17', '-fexceptions', ...nodeApi.map((name) => `-D${name}`), join(source, 'argon2.cpp')];
    const output = ['-shared', '-pthread', ...objects, '-o', join(scratch, 'argon2.node')];
    await run('g++', [...common, ...binding, ...output], { remedy });
    mkdirSync(folder, { recursive: true });
    renameSync(join(scratch, 'argon2.node'), join(folder, 'argon2.node'));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Milliseconds of one hash at 19 MiB, t=2, p=1, the median of nine. Throws when a known hash comes out wrong. */
async function measure(module) {
  const script = fileURLToPath(new URL('./set-up/measure-argon2.cjs', import.meta.url));
  return (await run(findRuntime(), [script, module], { remedy })).trim();
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const option = (name) => process.argv[process.argv.indexOf(name) + 1];
  const elsewhere = process.argv.includes('--march') && process.argv.includes('--out');
  await orExplain(() => (elsewhere ? compile(option('--march'), join(option('--out'), 'build', 'Release')) : tune()));
}
