import { vi } from 'vitest';
import type { Product } from '../../kit/product.ts';
import type { RelyingApp } from '../../kit/relying-app.ts';

export interface Sent {
  readonly path: string;
  readonly init: RequestInit;
}

interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Names of headers that differ between any two answers. */
const individual = new Set(['date', 'x-request-id', 'content-length']);

const newEachTime = new Set(['access_token', 'id_token']);

/** Tokens are new each time: what they are like is compared. */
const likeness = (name: string, value: unknown): unknown => {
  if (!newEachTime.has(name) || typeof value !== 'string') return value;
  const [head = '', body] = value.split('.');
  if (body === undefined) return value.replaceAll(/[\w-]{43}$/g, '…');
  const [header, claims] = [head, body].map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as object);
  return { header, ...claims, ...(name === 'access_token' ? { jti: '…' } : {}) };
};

export type Fields = Readonly<Record<string, string>> | string;

export const encode = (fields: Fields): string =>
  typeof fields === 'string' ? fields : new URLSearchParams(fields).toString();

function posted(path: string, fields: Fields, headers: Record<string, string> = {}): Sent {
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return { path, init: { method: 'POST', headers: { ...type, ...headers }, body: encode(fields) } };
}

/** Sends what the short way is for twice: as it is, and with something that the library ignores and the short way is not for. */
export function bothWaysOf(product: () => Product) {
  async function answerTo({ path, init }: Sent): Promise<Seen> {
    const response = await fetch(product().url + path, init);
    const headers = Object.fromEntries([...response.headers].filter(([name]) => !individual.has(name)));
    const text = await response.text();
    const body: unknown = text.startsWith('{') ? JSON.parse(text, likeness) : text;
    return { status: response.status, headers, body: JSON.stringify(body) };
  }

  /** What both ways answer, and whether the library was asked by the first of them: it is, when it gives the context `oidc`. */
  async function bothWays(plain: Sent, unusual: Sent) {
    const define = vi.spyOn(Object, 'defineProperty');
    const asked = () => define.mock.calls.filter(([, name]) => name === 'oidc').length;
    try {
      const short = await answerTo(plain);
      const before = asked();
      const long = await answerTo(unusual);
      return { short, long, tookShortWay: before === 0, libraryTook: asked() - before };
    } finally {
      define.mockRestore();
    }
  }

  const postedBothWays = (path: string, fields: Fields, headers?: Record<string, string>) =>
    bothWays(posted(path, fields, headers), posted(path, `${encode(fields)}&unknown=1`, headers));

  return { bothWays, postedBothWays };
}

export const secretOf = ({ credentials }: RelyingApp) => ({
  client_id: credentials.clientId,
  client_secret: credentials.clientSecret,
});

export const basicOf = ({ credentials: { clientId, clientSecret } }: RelyingApp) => ({
  authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
});
