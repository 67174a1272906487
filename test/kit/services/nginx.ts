import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { debianFile, startChild, untilReady } from './child.ts';
import { temporaryFolder } from './folder.ts';
import { freePort } from './free-port.ts';

export interface Nginx {
  readonly port: number;
  readonly errorLog: () => string;
  readonly stop: () => Promise<void>;
}

export interface NginxOptions {
  /** What stands inside `http { … }`: upstreams and servers that listen on the given port of 127.0.0.1. */
  readonly http: (port: number) => string;
  /** Chosen beforehand when the issuer has to name it; otherwise a free one. */
  readonly port?: number;
}

/** Debian's nginx in front of something, with a temporary folder of its own. Throws when the package is missing. */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const program = debianFile(['/usr/sbin/nginx'], 'nginx');
  const folder = temporaryFolder('nginx', { mode: 0o755 });
  const port = options.port ?? (await freePort());
  mkdirSync(join(folder.path, 'temporary'), { mode: 0o777 });
  const log = join(folder.path, 'error.log');
  writeFileSync(join(folder.path, 'nginx.conf'), configuration(folder.path, log, options.http(port)));
  const server = startChild(program, ['-p', folder.path, '-c', join(folder.path, 'nginx.conf'), '-e', log]);
  const errorLog = (): string => readFileSync(log, { encoding: 'utf8', flag: 'a+' });
  await untilReady(server, () => accepts(port), { what: 'nginx', within: 10_000, log: errorLog });
  return {
    port,
    errorLog,
    async stop() {
      await server.stop('SIGTERM');
      folder.remove();
    },
  };
}

function configuration(root: string, log: string, http: string): string {
  const asRoot = process.getuid?.() === 0 ? 'user www-data;' : '';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `${asRoot}
daemon off;
worker_processes 1;
pid ${root}/nginx.pid;
error_log ${log} warn;
events { worker_connections 256; }
http {
  access_log off;
${temporary.map((name) => `  ${name}_temp_path ${root}/temporary/${name};`).join('\n')}
${http}
}
`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
