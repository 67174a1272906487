import type { IncomingMessage } from 'node:http';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { KeyPair } from '../../kit/client-certificates.ts';
import type { Answer, RelyingApp } from '../../kit/relying-app.ts';

/** A request as it goes over the wire: with a certificate, from an address of this machine. */
export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  readonly shows?: KeyPair | undefined;
  readonly from?: string;
}

/** Sends it on a connection of its own. The server's certificate is not what is tested. */
export function sendOver(address: string, { method = 'GET', headers = {}, body, shows, from }: Sent): Promise<Answer> {
  const options: RequestOptions = { method, headers, agent: false, ...(from ? { localAddress: from } : {}) };
  const own = shows ? { cert: shows.cert, key: shows.key } : {};
  const open = address.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const call = open(address, { ...options, ...own, rejectUnauthorized: false }, (response) => {
      void read(response).then(resolve, reject);
    });
    call.once('error', reject);
    call.end(body);
  });
}

async function read(response: IncomingMessage): Promise<Answer> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  const headers = new Headers(Object.entries(response.headers).map(([name, value]) => [name, String(value)]));
  const isJson = headers.get('content-type')?.includes('json') ?? false;
  return { status: response.statusCode ?? 0, headers, body: isJson ? JSON.parse(text) : { text } };
}

/** A form of this client's, which authenticates by its secret where it has one, and names itself otherwise. */
export function formOf({ credentials }: RelyingApp, form: Readonly<Record<string, string>>): Sent {
  const { clientId, clientSecret } = credentials;
  const own = clientSecret === '' ? {} : { client_secret: clientSecret };
  return {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ client_id: clientId, ...own, ...form }).toString(),
  };
}
