import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** How a child process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The account it runs as; only root can choose. */
  readonly account?: Account | undefined;
}

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** A running program whose output is kept. */
export interface Child {
  readonly pid: number;
  /** Everything it wrote so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exited: Promise<Ending>;
  readonly ended: () => Ending | undefined;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Sends the signal, waits `patience` milliseconds, then kills. */
  readonly stop: (signal?: NodeJS.Signals, patience?: number) => Promise<Ending>;
}

const living = new Set<ChildProcess>();
// A test worker that dies must not leave servers behind.
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** Starts a program and keeps what it writes. */
export function startChild(command: string, args: readonly string[], options: ChildOptions = {}): Child {
  const child = spawn(command, args, {
    env: options.env ?? cleanEnvironment(),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...options.account,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  living.add(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  let ending: Ending | undefined;
  const exited = new Promise<Ending>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      living.delete(child);
      ending ??= { code, signal };
      resolve(ending);
    };
    child.once('close', end);
    child.once('error', (error) => {
      output.stderr += `${error.message}\n`;
      end(127, null);
    });
  });
  return {
    pid: child.pid ?? 0,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    exited,
    ended: () => ending,
    signal: (signal) => void child.kill(signal),
    async stop(signal = 'SIGTERM', patience = 60_000) {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), patience);
      const result = await exited;
      clearTimeout(timer);
      return result;
    },
  };
}

/** Only what a program needs to find others: no proxy, locale or settings of the machine leak into a test. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR, LANG: 'C.UTF-8' };
}

export interface ReadyOptions {
  readonly what: string;
  /** Milliseconds. */
  readonly within: number;
  /** What the error shows when it never becomes ready. */
  readonly log?: () => string;
}

/** Asks until the child is ready. Throws when it ends before or takes longer than `within`. */
export async function untilReady(child: Child, ask: () => Promise<boolean>, options: ReadyOptions): Promise<void> {
  const deadline = Date.now() + options.within;
  const story = (): string => `${child.stdout()}${child.stderr()}${options.log?.() ?? ''}`.slice(-4000);
  while (!(await ask().catch(() => false))) {
    const ending = child.ended();
    if (ending !== undefined) {
      throw new Error(`${options.what} ended with ${ending.code ?? ending.signal} before it was ready:\n${story()}`);
    }
    if (Date.now() > deadline) {
      await child.stop('SIGKILL');
      throw new Error(`${options.what} was not ready after ${options.within} ms:\n${story()}`);
    }
    await delay(20);
  }
}

/** The first of the files that is there. Throws the line that says which Debian package is missing. */
export function debianFile(paths: readonly string[], packages: string): string {
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`missing: apt-get install ${packages}`);
  return found;
}

/** The account of a Debian service when we are root, which servers refuse to run as; otherwise our own. */
export function serviceAccount(name: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
