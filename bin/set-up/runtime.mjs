import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { inProject, SetUpError } from './place.mjs';

const oldestRuntime = 24;
const oldestLauncher = 20;

/**
 * How the server's Node.js is started. V8's young generation grows to three times 32 MB as soon as there is anything to
 * do. With three times 16 a server under load keeps 20 MB less, with three times 64 another 75 MB more; nothing gets faster
 * or slower that could be told from the noise. With three times 8 what waits for a commit is copied so often that a
 * refresh takes a tenth longer.
 */
export const runtimeFlags = ['--max-semi-space-size=16'];

/**
 * What glibc is told before it starts (others do not know the variable). By default each thread of libuv's pool keeps 19 MB
 * of its own for password hashes: a hash that runs in another thread than the one before it finds nothing of its memory in
 * the CPU's cache. One arena takes a fifth off a hash, huge pages a little more, and after sign-ins the server keeps 57 MB less.
 */
export const runtimeEnvironment = { GLIBC_TUNABLES: 'glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1' };

/** The dynamic loader that the pinned runtime is linked against; musl systems lack it. */
const loaders = { x64: '/lib64/ld-linux-x86-64.so.2', arm64: '/lib/ld-linux-aarch64.so.1' };

/** Whether what is linked against glibc runs here. */
export const usesGlibc = () => existsSync(loaders[process.arch] ?? '');

const majorVersion = () => Number(process.versions.node.split('.')[0]);

/** Throws when even the set-up cannot run here. */
export function requireLauncher() {
  if (majorVersion() >= oldestLauncher) return;
  throw new SetUpError(`Node.js ${process.versions.node} is too old; install Node.js ${oldestLauncher} or newer.`);
}

/** The Node.js that runs the server: the one pinned by the lockfile, else this one when it is new enough. */
export function findRuntime() {
  const pinned = inProject('node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(pinned) && usesGlibc()) return pinned;
  if (majorVersion() >= oldestRuntime) return process.execPath;
  throw new SetUpError(
    `no Node.js ${oldestRuntime} comes with the project for ${process.platform} ${process.arch}; install Node.js ${oldestRuntime} or newer and run this again.`,
  );
}

/**
 * Hands this process over to a built script: in place when this is the right runtime already, otherwise as a child
 * that gets our standard streams and signals and whose exit code becomes ours.
 */
export async function handOver(script, args) {
  const runtime = findRuntime();
  if (realpathSync(runtime) === realpathSync(process.execPath)) {
    process.argv = [process.argv[0], script, ...args];
    await import(pathToFileURL(script).href);
    return;
  }
  // Parsed code is kept between starts: a second start answers sooner.
  const env = { NODE_COMPILE_CACHE: inProject('.cache', 'compiled'), ...runtimeEnvironment, ...process.env };
  const child = spawn(runtime, [...runtimeFlags, script, ...args], { stdio: 'inherit', env });
  const forward = (signal) => {
    // A terminal sends its interrupt to the whole group: forwarding it would make the child see it twice.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, forward);
  child.once('error', (error) => {
    process.stderr.write(`postern: ${runtime} does not start: ${error.message}\n`);
    process.exit(1);
  });
  child.once('close', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
