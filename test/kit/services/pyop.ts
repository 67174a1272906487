import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startChild, untilReady } from './child.ts';
import { freePort } from './free-port.ts';

const python = join(import.meta.dirname, '../../../.cache/python/bin/python');
const program = join(import.meta.dirname, 'pyop/provider.py');

export interface PyopOptions {
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  /** Claims by the name with which people sign in there (`#person-NAME` on its page). */
  readonly people: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface Pyop {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Signs with another key from now on; the former stays published unless it is dropped. */
  rotateKey(options?: { readonly dropFormer?: boolean }): Promise<void>;
  forgetRefreshTokens(): Promise<void>;
  stop(): Promise<void>;
}

/** pyop, an OpenID provider in Python that nobody here wrote, from the environment that `npm test` sets up. */
export async function startPyop(options: PyopOptions): Promise<Pyop> {
  if (!existsSync(python)) throw new Error('missing: .cache/python, which npm test sets up with python3-venv and pip');
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  // pyop does not undo the encoding of RFC 6749 §2.3.1: letters and digits look the same either way.
  const [clientId, clientSecret] = ['postern', 'aSecretThatPyopHasMadeUpForTheTests'];
  const client = {
    client_id: clientId,
    client_secret: clientSecret,
    token_endpoint_auth_method: 'client_secret_basic',
    response_types: ['code'],
    redirect_uris: options.redirectUris,
    post_logout_redirect_uris: options.postLogoutRedirectUris ?? [],
  };
  const settings = { port, clients: { [clientId]: client }, people: options.people };
  const server = startChild(python, [program, JSON.stringify(settings)]);
  const answers = () => fetch(`${issuer}/.well-known/openid-configuration`).then(({ ok }) => ok);
  await untilReady(server, answers, { what: 'pyop', within: 30_000 });
  const post = async (path: string, body = ''): Promise<void> => {
    const { status } = await fetch(issuer + path, { method: 'POST', body });
    if (status !== 204) throw new Error(`${path} answered ${status}`);
  };
  return {
    issuer,
    clientId,
    clientSecret,
    rotateKey: ({ dropFormer = false } = {}) => post('/test/rotate-key', dropFormer ? 'drop' : ''),
    forgetRefreshTokens: () => post('/test/forget-refresh-tokens'),
    stop: async () => void (await server.stop('SIGTERM')),
  };
}
