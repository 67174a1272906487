import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';

/** Every file of a folder with its size, time and content, a line each; a folder that is not there says so. */
export function contents(folder: string): string[] {
  if (!existsSync(folder)) return ['not there'];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const path = join(folder, name);
      const { size, mtimeMs, mode } = statSync(path);
      const content = statSync(path).isFile()
        ? createHash('sha256').update(readFileSync(path)).digest('hex')
        : 'folder';
      return `${name} ${mode.toString(8)} ${size} ${mtimeMs} ${content}`;
    });
}

/** Somebody else who listens on a port, accepts connections and never says a word. */
export interface SilentListener {
  readonly port: number;
  /** How many have connected so far. */
  readonly connections: () => number;
  readonly free: () => void;
}

export async function takenPort(): Promise<SilentListener> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.length,
    free() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Mounts a disk of so many MiB in a folder. False where this user may not mount, as in most containers. */
export function mountSmallDisk(folder: string, mebibytes: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Takes it away again. */
export function unmount(folder: string): void {
  execFileSync('umount', ['--lazy', folder], { stdio: 'ignore' });
}

/** The lines of a log that are JSON. */
export function logLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
