import type { Config } from '../../foundation/config/schema.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { writeResult } from './result.ts';

/** Longer than any single check of readiness may take. */
const limit = 5000;

/** `postern healthcheck`: asks the management port whether the server is ready. For containers without curl. */
export async function healthcheck(
  io: CommandIo,
  { managementHost, managementPort }: Pick<Config, 'managementHost' | 'managementPort'>,
): Promise<ExitCode> {
  const url = `http://${reachable(managementHost)}:${managementPort}/health/ready`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(limit) });
    const report = (await answer.json()) as {
      status: string;
      checks: { name: string; status: string; detail?: string }[];
    };
    const down = report.checks.filter(({ status }) => status !== 'UP');
    const lines = down.map(({ name, detail }) => `${name}: ${detail ?? 'down'}`);
    writeResult(io, report, [report.status, ...lines].join('\n'));
    return answer.status === 200 ? 0 : 1;
  } catch (error) {
    const reason = (error as Error).name === 'TimeoutError' ? `no answer within ${limit} ms` : 'nothing answers there';
    io.err(`The server at ${url} is not healthy: ${reason}. Is it running, with the same management port?\n`);
    return 1;
  }
}

/** An address that listens on everything is asked on the loopback address of its family. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
