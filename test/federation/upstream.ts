import { createHash, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the stand-in is to say of somebody, right or wrong. */
export interface Behaviour {
  /** Claims of the ID token, beside those that the protocol needs. */
  claims: Record<string, unknown>;
  /** In place of what UserInfo would say. */
  userinfo: Record<string, unknown> | undefined;
  /** Changes the token's claims before they are signed. */
  forge: (claims: Record<string, unknown>) => Record<string, unknown>;
  /** Makes the token of its claims. */
  signToken: (claims: Record<string, unknown>) => string;
  /** Changes the metadata. */
  metadata: (metadata: Record<string, unknown>) => Record<string, unknown>;
  /** Answers in place of the stand-in; true where it did. */
  interfere: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Added to what goes back to the callback. */
  answer: Record<string, string>;
}

interface Issued {
  readonly query: URLSearchParams;
}

export interface Upstream {
  readonly issuer: string;
  readonly behave: Behaviour;
  /** Paths that were asked for, with their forms. */
  readonly asked: { path: string; form: URLSearchParams; headers: IncomingMessage['headers'] }[];
  /** Where the provider's page would send a person who agrees. */
  agree(authorizationUrl: string): string;
  /** Forgets what was set, and what was asked. */
  reset(): void;
  rotate(): void;
  readonly token: {
    sign(claims: Record<string, unknown>, header?: Record<string, unknown>, key?: KeyObject): string;
    hmac(claims: Record<string, unknown>): string;
    none(claims: Record<string, unknown>): string;
  };
  stop(): Promise<void>;
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** An OpenID provider of one person, in this process: what it says is up to the test. */
export async function startUpstream(): Promise<Upstream> {
  let key = newKey();
  let kid = 'key-1';
  const codes = new Map<string, Issued>();
  const asked: Upstream['asked'] = [];
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const token: Upstream['token'] = {
    sign(claims, header = {}, by = key.privateKey) {
      const text = `${part({ alg: 'ES256', kid, ...header })}.${part(claims)}`;
      return `${text}.${sign('sha256', Buffer.from(text), { key: by, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    },
    none: (claims) => `${part({ alg: 'none' })}.${part(claims)}.`,
    // The public key, which everybody knows, as the secret of an HMAC.
    hmac(claims) {
      const text = `${part({ alg: 'HS256', kid })}.${part(claims)}`;
      const secret = key.publicKey.export({ type: 'spki', format: 'pem' });
      return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
    },
  };
  const fresh = (): Behaviour => ({
    claims: { sub: 'person-1', email: 'ada@upstream.example', email_verified: true, name: 'Ada' },
    userinfo: undefined,
    forge: (claims) => claims,
    signToken: (claims) => token.sign(claims),
    metadata: (metadata) => metadata,
    interfere: () => false,
    answer: {},
  });
  const behave = fresh();

  const json = (response: ServerResponse, body: unknown, status = 200): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

  const metadata = () => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    authorization_response_iss_parameter_supported: true,
  });

  function exchange(form: URLSearchParams, response: ServerResponse): void {
    const issued = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const fits =
      issued?.query.get('code_challenge') === challenge &&
      issued.query.get('redirect_uri') === form.get('redirect_uri');
    if (!fits) {
      json(response, { error: 'invalid_grant' }, 400);
      return;
    }
    const now = Math.floor(Date.now() / 1000);
    const nonce = issued.query.get('nonce');
    const needed = {
      iss: issuer,
      aud: issued.query.get('client_id'),
      iat: now,
      exp: now + 300,
      ...(nonce ? { nonce } : {}),
    };
    const claims = behave.forge({ ...needed, ...behave.claims });
    json(response, {
      access_token: 'upstream-access-token',
      token_type: 'Bearer',
      expires_in: 300,
      id_token: behave.signToken(claims),
    });
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', issuer);
    let body = '';
    for await (const chunk of request) body += String(chunk);
    asked.push({ path: pathname, form: new URLSearchParams(body), headers: request.headers });
    if (behave.interfere(request, response)) return undefined;
    if (pathname.endsWith('/.well-known/openid-configuration')) return json(response, behave.metadata(metadata()));
    if (pathname === '/jwks') {
      return json(response, { keys: [{ ...key.publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' }] });
    }
    if (pathname === '/token') return exchange(new URLSearchParams(body), response);
    if (pathname === '/userinfo') return json(response, behave.userinfo ?? behave.claims);
    return json(response, { error: 'not_found' }, 404);
  }

  return {
    issuer,
    behave,
    asked,
    token,
    agree(authorizationUrl) {
      const { searchParams: query } = new URL(authorizationUrl);
      const code = `code-${codes.size}-${kid}-${query.get('state')?.slice(0, 8)}`;
      codes.set(code, { query });
      const back = new URL(query.get('redirect_uri') ?? '');
      back.search = new URLSearchParams({
        code,
        state: query.get('state') ?? '',
        iss: issuer,
        ...behave.answer,
      }).toString();
      return back.href;
    },
    reset() {
      Object.assign(behave, fresh());
      asked.length = 0;
    },
    rotate() {
      key = newKey();
      kid = `key-${Number(kid.slice(4)) + 1}`;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
