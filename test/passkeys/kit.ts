import { Authenticator, type Bend } from '../kit/authenticator.ts';
import { type Browser, formOf, type Page } from '../kit/browser.ts';
import type { Product, TestUser } from '../kit/product.ts';
import { isBack } from '../kit/relying-app.ts';

export type Person = TestUser & { readonly id: string };

/** The options that a page hands to the browser with the form of this button. */
export function optionsOf(page: Page, buttonId: string): string {
  for (const [tag, inner = ''] of page.text.matchAll(/<form[^>]*>([\s\S]*?)<\/form>/g)) {
    if (!inner.includes(`id="${buttonId}"`)) continue;
    const options = /data-options="([^"]*)"/.exec(tag)?.[1];
    if (options !== undefined) return options.replaceAll('&quot;', '"').replaceAll('&amp;', '&');
  }
  throw new Error(`no options with #${buttonId} on ${page.url}`);
}

/** Has the authenticator sign what the page asks for: what its form would be sent with. */
export const signedForm = (page: Page, buttonId: string, key: Authenticator, bend: Bend = {}) => ({
  ...formOf(page, buttonId).fields,
  credential: key.get(optionsOf(page, buttonId), bend),
});

/** Signs on the page, sends it, and goes where that leads. */
export const signOn = (
  browser: Browser,
  page: Page,
  buttonId: string,
  [key, bend]: [Authenticator, Bend?],
): Promise<Page> => browser.submit(page, buttonId, signedForm(page, buttonId, key, bend), isBack);

/** Makes a key on the page, sends it, and goes where that leads. */
export const addOn = (browser: Browser, page: Page, key: Authenticator, name = ''): Promise<Page> =>
  browser.submit(page, 'passkey-add', { credential: key.create(optionsOf(page, 'passkey-add')), name }, isBack);

/** Gives a person a passkey without its pages. Counts nothing when synced. */
export async function enrolPasskey(
  { app, database, url }: Product,
  { id, email }: Person,
  key = new Authenticator(url),
): Promise<Authenticator> {
  const place = { owner: { id, name: email }, scope: 'test' };
  const { enrolment } = app.core.passkeys;
  const request = await enrolment.begin(place);
  if (!request) throw new Error('the person has too many');
  const form = { challenge: request.challenge, credential: key.create(request.options), name: '' };
  const outcome = await enrolment.confirm(place, form);
  if (outcome.kind !== 'enrolled') throw new Error(`the enrolment ended as ${outcome.kind}`);
  await database.commit({ operations: outcome.operations, fallback: [] });
  return key;
}
