import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  /** As they came, name and value. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  /** From the first byte of the request to the last of the answer, in milliseconds. */
  readonly ms: number;
}

export interface Call {
  readonly path: string;
  /** The fields of a form: a POST. */
  readonly form?: Readonly<Record<string, string>>;
  readonly cookies?: string;
}

/** Calls a server over one connection, each time from another address as its proxy would tell: no limit is reached. */
export class Caller {
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #calls = 0;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  send({ path, form, cookies }: Call): Promise<Answer> {
    this.#calls += 1;
    const body = form === undefined ? '' : new URLSearchParams(form).toString();
    const { origin, hostname, port } = this.#url;
    const headers: Record<string, string> = {
      'x-forwarded-for': `10.${(this.#calls >> 16) & 255}.${(this.#calls >> 8) & 255}.${this.#calls & 255}`,
      'accept-language': 'en',
      ...(cookies === undefined ? {} : { cookie: cookies }),
      ...(form === undefined
        ? {}
        : { origin, 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }),
    };
    const method = form === undefined ? 'GET' : 'POST';
    return new Promise((resolve, reject) => {
      const began = performance.now();
      const sent = request({ hostname, port, path, method, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const ms = performance.now() - began;
          const raw = response.rawHeaders;
          const pairs = raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? ''] as const] : []));
          resolve({ status: response.statusCode ?? 0, headers: pairs, body: Buffer.concat(chunks).toString(), ms });
        });
      });
      sent.once('error', reject);
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The cookies that an answer sets, as the next request sends them. */
export const cookiesOf = ({ headers }: Answer): string =>
  headers
    .filter(([name]) => name.toLowerCase() === 'set-cookie')
    .map(([, value]) => value.split(';')[0] ?? '')
    .join('; ');

export const locationOf = ({ headers }: Answer): string => {
  const found = headers.find(([name]) => name.toLowerCase() === 'location')?.[1];
  if (found === undefined) throw new Error('the answer leads nowhere');
  return found;
};
