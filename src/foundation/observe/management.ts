import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Health, HealthReport } from './health.ts';
import { listen, managementVariables } from './listen.ts';
import type { Metrics } from './metrics.ts';

export interface ManagementOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly health: Health;
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>;
  /** Told of what failed while an answer was made. */
  readonly onError: (error: unknown) => void;
}

/** The management port at work. */
export interface Management {
  readonly port: number;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * Opens the port of health checks and metrics. It is Node's plain server, so that nothing which could fail in the public
 * app keeps an orchestrator from asking. Throws `port_taken`, `port_forbidden`, `address_unusable`.
 */
export async function startManagement({
  host,
  port,
  health,
  metrics,
  onError,
}: ManagementOptions): Promise<Management> {
  const routes = answersOf(health, metrics);
  const server = createServer((request, response) => {
    answer(routes, request).then(
      (made) => send(made, request, response),
      (error: unknown) => {
        onError(error);
        send(text(500, 'failed'), request, response);
      },
    );
  });
  server.requestTimeout = 10_000;
  const taken = await listen(server, { host, port, variables: managementVariables });
  return {
    port: taken,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answersOf(health: Health, metrics: ManagementOptions['metrics']): ReadonlyMap<string, () => Promise<Answer>> {
  const ready = async () => told(await health.ready());
  return new Map<string, () => Promise<Answer>>([
    ['/health/live', async () => told(health.live())],
    ['/health/started', async () => told(health.started())],
    ['/health/ready', ready],
    ['/health', ready],
    ['/healthz', ready],
    ['/metrics', async () => ({ status: 200, type: metrics.contentType, body: await metrics.text() })],
  ]);
}

async function answer(
  routes: ReadonlyMap<string, () => Promise<Answer>>,
  { method, url = '' }: IncomingMessage,
): Promise<Answer> {
  const route = routes.get(url.replace(/\?.*$/s, ''));
  if (route === undefined) return text(404, 'There is nothing at this address.');
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'This address takes GET only.');
  return route();
}

const told = (report: HealthReport): Answer => ({
  status: report.status === 'UP' ? 200 : 503,
  type: 'application/json; charset=utf-8',
  body: JSON.stringify(report),
});

const text = (status: number, body: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
});

function send({ status, type, body }: Answer, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 405 ? { Allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
