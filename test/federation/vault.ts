import type { Product } from '../kit/product.ts';
import type { Answer, RelyingApp } from '../kit/relying-app.ts';

/** Asks for a person's token at another provider, by an access token of ours. */
export async function retrieve(url: string, token: string, name: string): Promise<Answer> {
  const response = await fetch(`${url}/api/v1/identities/${name}/token`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

/** Has the kept access tokens of a provider's people end, so many seconds ago; our own tokens go on. */
export async function expireKept(product: Product, provider: string, seconds = 1): Promise<void> {
  const data = { tokenExpiresAt: BigInt(Date.now() - seconds * 1000) };
  await product.database.together(async (tx) => {
    await tx.federatedIdentity.updateMany({ where: { provider }, data });
  });
}

/** The parameters that have a code exchanged for an access token which reaches the person's token at the provider. */
export const reaching = (name: string): Record<string, string> => ({ scope: `openid upstream_tokens:${name}` });

/** The access token of ours that a sign-in ends with. */
export async function tokenOf(app: RelyingApp, { url }: { url: string }, verifier: string): Promise<string> {
  const { body } = await app.exchange(new URL(url).searchParams.get('code') ?? '', verifier);
  return String(body['access_token']);
}
