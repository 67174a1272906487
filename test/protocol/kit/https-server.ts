import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../kit/services/certificate.ts';

/** A server of a client's, by https, with a certificate that nobody but its operator knows. */
export interface HttpsServer {
  readonly url: string;
  /** The file that makes us trust it. */
  readonly ca: string;
  /** How often it was asked. */
  readonly asked: () => number;
  /** What it answers from now on. */
  answers(listener: RequestListener): void;
  close(): void;
}

export async function startHttpsServer(): Promise<HttpsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-https-'));
  const { cert, key } = makeCertificate(folder);
  let answer: RequestListener = (_request, response) => response.writeHead(404).end();
  let asked = 0;
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
    asked += 1;
    answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    ca: cert,
    asked: () => asked,
    answers(listener) {
      answer = listener;
    },
    close() {
      server.close();
      server.closeAllConnections();
      rmSync(folder, { recursive: true });
    },
  };
}
