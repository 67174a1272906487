import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runtimeEnvironment, runtimeFlags } from '../../bin/set-up/runtime.mjs';
import { type Child, cleanEnvironment, startChild } from '../kit/services/child.ts';
import { freePort } from '../kit/services/free-port.ts';
import { cpuMsOf, residentMbOf } from './usage.ts';

/** A server under measurement. */
export interface Server {
  readonly name: 'postern' | 'bare';
  readonly port: number;
  readonly issuer: string;
  readonly pid: number;
  readonly start: StartUp;
  readonly managementPort: number | undefined;
  stop(): Promise<void>;
}

/** What a start took until the first discovery document. */
export interface StartUp {
  readonly ms: number;
  readonly cpuMs: number;
}

/** Servers run on the first core and the generator on the second, so that neither is charged for the other. */
export const isPinned = availableParallelism() >= 2 && existsSync('/usr/bin/taskset');

/** The command that starts this on the given core, where that can be chosen. */
export const onCore = (core: 0 | 1, command: readonly string[]): [string, string[]] => {
  const [program = '', ...args] = isPinned ? ['/usr/bin/taskset', '-c', String(core), ...command] : command;
  return [program, args];
};

/** The environment of a Postern in this data folder, which `layIn` and the server share. */
export async function posternEnvironment(dataDir: string): Promise<NodeJS.ProcessEnv> {
  const port = await freePort();
  return {
    ...cleanEnvironment(),
    ...runtimeEnvironment,
    NODE_ENV: 'production',
    POSTERN_DATA_DIR: dataDir,
    POSTERN_PORT: String(port),
    POSTERN_MANAGEMENT_PORT: String(await freePort()),
    POSTERN_ISSUER: `http://localhost:${port}`,
  };
}

/** Starts Postern as shipped. What it logs goes through a pipe, as it would to a service manager. */
export async function startPostern(env: NodeJS.ProcessEnv, dist: string): Promise<Server> {
  const main = join(dist, 'main.js');
  if (!existsSync(main)) throw new Error(`missing: ${main}; npm run build`);
  const managementPort = Number(env.POSTERN_MANAGEMENT_PORT);
  return start({
    name: 'postern',
    port: Number(env.POSTERN_PORT),
    managementPort,
    env,
    script: [...runtimeFlags, main],
  });
}

/** Starts the baseline. */
export async function startBare(materialPath: string, dist: string): Promise<Server> {
  const port = await freePort();
  const env = { ...cleanEnvironment(), NODE_ENV: 'production', POSTERN_BENCH_DIST: dist };
  const script = [join(import.meta.dirname, 'baseline.mjs'), materialPath, String(port)];
  return start({ name: 'bare', port, managementPort: undefined, env, script });
}

interface Parts extends Pick<Server, 'name' | 'port' | 'managementPort'> {
  readonly env: NodeJS.ProcessEnv;
  readonly script: readonly string[];
}

async function start({ name, port, managementPort, env, script }: Parts): Promise<Server> {
  const began = performance.now();
  const [command, args] = onCore(0, [process.execPath, ...script]);
  const child = startChild(command, args, { env });
  await untilItAnswers(child, name, port);
  const { pid } = child;
  return {
    name,
    port,
    managementPort,
    issuer: `http://localhost:${port}`,
    pid,
    start: { ms: performance.now() - began, cpuMs: cpuMsOf(pid) },
    async stop() {
      const { code } = await child.stop();
      if (code !== 0) throw new Error(`${name} ended with ${code}:\n${child.stderr()}`);
    },
  };
}

async function untilItAnswers(child: Child, name: string, port: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await answers(port))) {
    if (child.ended() !== undefined)
      throw new Error(`${name} ended before it was ready:\n${child.stdout()}${child.stderr()}`);
    if (performance.now() > deadline) throw new Error(`${name} was not ready after 30 s`);
    await delay(2);
  }
}

/** Whether the discovery document comes with 200. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('error', () => resolve(false));
    socket.once('data', (chunk: Buffer) => {
      resolve(chunk.toString('latin1').startsWith('HTTP/1.1 200'));
      socket.destroy();
    });
    socket.end('GET /.well-known/openid-configuration HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  });
}

/** How long starts take and what the server needs at rest, one after the other on the same data. */
export async function measureStarts(
  startOne: () => Promise<Server>,
  times: number,
): Promise<{ starts: StartUp[]; restingMb: number }> {
  const starts: StartUp[] = [];
  let restingMb = 0;
  for (let count = 0; count < times; count += 1) {
    const server = await startOne();
    starts.push(server.start);
    if (count === times - 1) {
      await delay(3000);
      restingMb = residentMbOf(server.pid);
    }
    await server.stop();
  }
  return { starts, restingMb };
}
