import type { Product, TestUser } from '../../kit/product.ts';
import type { Answer } from '../../kit/relying-app.ts';
import { RelyingApp, redirectUri } from '../../kit/relying-app.ts';

export const api = 'https://api.example/';

/** An API with JWT access tokens, unless told otherwise. */
export const addApi = (product: Product, more: object = {}): Promise<void> =>
  product.addResource({
    identifier: api,
    access_token_format: 'jwt',
    scopes: [
      { name: 'orders:read', description: 'See your orders' },
      { name: 'orders:write', description: 'Change your orders' },
    ],
    ...more,
  });

/** A client that fetches tokens for itself. */
export async function addService(product: Product, more: object = {}): Promise<RelyingApp> {
  return new RelyingApp(product.url, await product.addClient({ grant_types: ['client_credentials'], ...more }));
}

/** An app without a secret. */
export async function addPublicApp(product: Product, more: object = {}): Promise<RelyingApp> {
  const client = {
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'] as const,
    ...more,
  };
  return new RelyingApp(
    product.url,
    await product.addClient({ ...client, grant_types: [...client.grant_types], token_endpoint_auth_method: 'none' }),
  );
}

type Person = Pick<TestUser, 'email' | 'password'>;

/** Tokens that outlive the sign-in. */
export const offlineTokens = (app: RelyingApp, user: Person, more: Record<string, string> = {}) =>
  app.tokens(user, { scope: 'openid offline_access', prompt: 'consent', ...more });

/** Tokens for the API. */
export async function apiTokens(app: RelyingApp, user: Person, more: Record<string, string> = {}): Promise<Answer> {
  const parameters = { scope: 'openid orders:read', resource: api, ...more };
  const { answer, verifier } = await app.signIn(user, { parameters });
  return app.exchange(answer.get('code') ?? '', verifier, { resource: api });
}

/** Whether introspection calls the token active. */
export const isActive = async (app: RelyingApp, token: unknown): Promise<boolean> =>
  (await app.introspect(token)).body['active'] === true;
