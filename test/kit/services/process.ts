import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, cleanEnvironment, type Ending, startChild, untilReady } from './child.ts';
import { type TemporaryFolder, temporaryFolder } from './folder.ts';
import { freePort } from './free-port.ts';

const root = join(import.meta.dirname, '../../..');

export interface PosternOptions {
  /** Configuration as `POSTERN_*` variables; ports and issuer are chosen unless they are given here. */
  readonly env?: NodeJS.ProcessEnv;
  /** A folder of the caller's, which `stop` keeps. Without it a temporary one is made and removed. */
  readonly dataDir?: string;
  /** Where it runs, and so where it finds `postern.yaml`; by default its data folder. */
  readonly cwd?: string;
  /** More arguments of the server. */
  readonly args?: readonly string[];
  /** Arguments of Node itself, such as `--import` of a fault. */
  readonly nodeArgs?: readonly string[];
  /** How long it may take until it answers, in milliseconds. */
  readonly within?: number;
}

export interface Postern {
  /** The issuer. */
  readonly url: string;
  readonly port: number;
  readonly managementUrl: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Milliseconds from spawn to the first discovery document. */
  readonly startedIn: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The set-up link it printed; waits for it. */
  readonly setupLink: () => Promise<string>;
  /** Variables with which a command reaches the same data. */
  readonly env: NodeJS.ProcessEnv;
  readonly exited: Promise<Ending>;
  /** Sends SIGTERM and waits for the end. */
  readonly stop: () => Promise<Ending>;
  /** Ends it the way power loss does, and keeps the data folder for the next start. */
  readonly kill9: () => Promise<void>;
}

/** Runs the built server and waits until it answers the discovery document. Throws what it wrote when it ends before. */
export async function startPostern(options: PosternOptions = {}): Promise<Postern> {
  const { path: dataDir, remove } = dataFolder(options);
  const env = await environment(dataDir, options.env ?? {});
  const began = performance.now();
  const child = startChild(process.execPath, [...(options.nodeArgs ?? []), built('main.js'), ...(options.args ?? [])], {
    env,
    cwd: options.cwd ?? dataDir,
  });
  const port = Number(env.POSTERN_PORT);
  const secure = env.POSTERN_TLS__CERT !== undefined;
  const answers = (): Promise<boolean> => probe(port, secure);
  await untilReady(child, answers, { what: 'postern', within: options.within ?? 60_000 });
  const url = env.POSTERN_ISSUER ?? '';
  return {
    url,
    port,
    managementUrl: `http://127.0.0.1:${env.POSTERN_MANAGEMENT_PORT}`,
    dataDir,
    pid: child.pid,
    startedIn: performance.now() - began,
    stdout: child.stdout,
    stderr: child.stderr,
    setupLink: () => lineStarting(child, `${url}/setup`),
    env,
    exited: child.exited,
    async stop() {
      const ending = await child.stop('SIGTERM');
      remove();
      return ending;
    },
    kill9: async () => void (await child.stop('SIGKILL')),
  };
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the server where it is expected to refuse to start, and waits for its end (at most `within` milliseconds). */
export async function expectRefusal(options: PosternOptions): Promise<Outcome> {
  const { path: dataDir, remove } = dataFolder(options);
  const env = await environment(dataDir, options.env ?? {});
  const args = [...(options.nodeArgs ?? []), built('main.js'), ...(options.args ?? [])];
  const outcome = await toItsEnd(
    startChild(process.execPath, args, { env, cwd: options.cwd ?? dataDir }),
    options.within,
  );
  remove();
  return outcome;
}

/** Runs one operator command, as `npx postern …` would, with the variables of a running server or others. */
export function runCommand(
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string },
): Promise<Outcome> {
  const cwd = options.cwd ?? options.env.POSTERN_DATA_DIR;
  const child = startChild(process.execPath, [built('cli.js'), ...args], {
    env: { ...cleanEnvironment(), ...options.env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  return toItsEnd(child);
}

async function toItsEnd(child: Child, within = 120_000): Promise<Outcome> {
  const timer = setTimeout(() => child.signal('SIGKILL'), within);
  const { code } = await child.exited;
  clearTimeout(timer);
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

/** The caller's folder stays; one of ours is removed. */
function dataFolder(options: PosternOptions): TemporaryFolder {
  return options.dataDir === undefined ? temporaryFolder('data') : { path: options.dataDir, remove: () => undefined };
}

function built(name: string): string {
  const path = join(root, 'dist', name);
  if (!existsSync(path)) throw new Error(`missing: dist/${name}; npm run build`);
  return path;
}

async function environment(dataDir: string, given: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  const port = given.POSTERN_PORT ?? String(await freePort());
  return {
    ...cleanEnvironment(),
    POSTERN_DATA_DIR: dataDir,
    POSTERN_PORT: port,
    POSTERN_MANAGEMENT_PORT: String(await freePort()),
    POSTERN_ISSUER: `http://localhost:${port}`,
    ...(process.env.POSTERN_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE: process.env.POSTERN_COVERAGE }),
    ...given,
  };
}

function probe(port: number, secure: boolean): Promise<boolean> {
  const where = { host: '127.0.0.1', port, path: '/.well-known/openid-configuration', timeout: 2_000, agent: false };
  return new Promise((resolve) => {
    const call = secure ? httpsRequest({ ...where, rejectUnauthorized: false }) : httpRequest(where);
    call.once('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    call.once('timeout', () => call.destroy());
    call.once('error', () => resolve(false));
    call.end();
  });
}

async function lineStarting(child: Child, start: string): Promise<string> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const line = child
      .stdout()
      .split('\n')
      .find((text) => text.startsWith(start));
    if (line !== undefined) return line.trim();
    if (performance.now() > deadline) throw new Error(`no line that starts with ${start} in:\n${child.stdout()}`);
    await delay(20);
  }
}
