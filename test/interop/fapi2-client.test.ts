import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { isBack, redirectUri, walk } from '../kit/relying-app.ts';
import { type Child, cleanEnvironment, startChild, untilReady } from '../kit/services/child.ts';
import { freePort } from '../kit/services/free-port.ts';

const program = (name: string) => join(import.meta.dirname, '../../examples/fapi2-client', name);

let product: Product;
let user: TestUser & { readonly id: string };
let folder: string;
let url: string;
let child: Child;
let clientId: string;

beforeAll(async () => {
  product = await startProduct();
  user = await product.addUser({ claims: { name: 'Ada Lovelace' } });
  folder = mkdtempSync(join(tmpdir(), 'postern-fapi2-'));
  const keyFile = join(folder, 'client-key.json');
  const jwks = JSON.parse(execFileSync(process.execPath, [program('make-key.mjs'), keyFile]).toString());
  ({ clientId } = await product.addClient({
    profile: 'fapi2',
    token_endpoint_auth_method: 'private_key_jwt',
    require_signed_request_object: true,
    response_modes: ['jwt'],
    redirect_uris: [redirectUri],
    jwks,
  }));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  child = startChild(process.execPath, [program('server.mjs')], {
    env: {
      ...cleanEnvironment(),
      ISSUER: product.url,
      CLIENT_ID: clientId,
      REDIRECT_URI: redirectUri,
      KEY_FILE: keyFile,
      PORT: String(port),
    },
  });
  await untilReady(child, () => fetch(url).then(() => true), { what: 'the FAPI 2.0 app', within: 60_000 });
});
afterAll(async () => {
  await child?.stop();
  await product.stop();
  rmSync(folder, { recursive: true });
});

describe('the sample FAPI 2.0 app', () => {
  it('signs in by a key, a signed and pushed request, a signed answer, and tokens that are bound', async () => {
    const start = await fetch(`${url}/sign-in`, { redirect: 'manual' });
    const address = new URL(start.headers.get('location') ?? '');
    expect([...address.searchParams.keys()].toSorted()).toEqual(['client_id', 'request_uri']);
    const browser = new Browser();
    const back = new URL((await walk(browser, await browser.open(address.href, isBack), user)).url);
    expect([...back.searchParams.keys()]).toEqual(['response']);
    const [cookie = ''] = (start.headers.get('set-cookie') ?? '').split(';');
    // The proxy in front of the app, as it were.
    const answer = await fetch(`${url}${back.pathname}${back.search}`, { headers: { cookie } });
    expect(await answer.json(), child.stderr()).toMatchObject({
      token_type: 'dpop',
      claims: { sub: user.id, name: 'Ada Lovelace', email: user.email },
    });
    const again = await fetch(`${url}${back.pathname}${back.search}`, { headers: { cookie } });
    expect(again.status).toBe(400);
  });
});
