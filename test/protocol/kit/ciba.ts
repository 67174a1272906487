import { Browser, type Page } from '../../kit/browser.ts';
import type { Product } from '../../kit/product.ts';
import { type Answer, RelyingApp } from '../../kit/relying-app.ts';
import { type Person, typePassword } from '../../mfa/kit.ts';

export const cibaGrant = 'urn:openid:params:grant-type:ciba';

/** A till: it asks people who stand before it, and never sees their browser. */
export async function addTill(product: Product, more: object = {}): Promise<RelyingApp> {
  const client = { client_name: 'Harbour till', grant_types: [cibaGrant, 'refresh_token'] as const };
  return new RelyingApp(
    product.url,
    await product.addClient({ ...client, grant_types: [...client.grant_types], ...more }),
  );
}

export const askFor = (
  till: RelyingApp,
  { email }: Pick<Person, 'email'>,
  more: Record<string, string> = {},
): Promise<Answer> => till.post('/ciba', { scope: 'openid', login_hint: email, ...more });

export const pollFor = (till: RelyingApp, { body }: Pick<Answer, 'body'>): Promise<Answer> =>
  till.token({ grant_type: cibaGrant, auth_req_id: String(body['auth_req_id']) });

/** Opens the page of what waits, signing in on the way where that is asked for. */
export async function openApprovals(product: Product, user: Person, browser = new Browser()): Promise<Page> {
  const page = await browser.open(`${product.url}/account/approvals`);
  return page.text.includes('id="login-submit"') ? typePassword(browser, page, user) : page;
}
