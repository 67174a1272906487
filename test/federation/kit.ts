import { byOperator } from '../../src/features/audit/module.ts';
import type { NewProvider } from '../../src/features/federation/module.ts';
import { Browser, type Page } from '../kit/browser.ts';
import type { Product } from '../kit/product.ts';
import { isBack, type RelyingApp } from '../kit/relying-app.ts';
import type { Scripted } from '../kit/upstreams/scripted.ts';

export const secret = 'a secret that the provider has given us';

/** Registers the stand-in at the product, or changes it. */
export async function addProvider(
  product: Product,
  upstream: Scripted,
  more: Partial<NewProvider> = {},
): Promise<void> {
  const provider = {
    name: 'up',
    type: 'oidc',
    issuer: upstream.issuer,
    client_id: 'postern-at-up',
    client_secret: secret,
  } as const;
  const policy = { create: true, ...more.policy };
  await product.app.core.providers.upsert({ ...provider, ...more, policy }, byOperator);
}

/** Where a provider's own pages would be shown. */
export const isUpstream =
  (upstream: Scripted) =>
  (url: string): boolean =>
    url.startsWith(`${upstream.issuer}/authorize`);

export interface OnTheWay {
  readonly browser: Browser;
  readonly start: Page;
  /** The provider's own address, where the person would be asked. */
  readonly asked: URL;
}

/** Begins a sign-in and chooses the provider, as far as the provider's own page. */
export async function setOut(
  app: RelyingApp,
  upstream: Scripted,
  {
    browser = new Browser(),
    parameters = {},
    name = 'up',
  }: { browser?: Browser; parameters?: Record<string, string>; name?: string } = {},
): Promise<OnTheWay> {
  const start = await browser.open(app.request(parameters).url, isBack);
  const left = await browser.submit(start, `choose-${name}`, {}, isUpstream(upstream));
  if (!isUpstream(upstream)(left.url)) throw new Error(`not at the provider but at ${left.url}:\n${left.text}`);
  return { browser, start, asked: new URL(left.url) };
}

/** Agrees at the provider and comes back, as far as the app or a page of ours. */
export async function comeBack({ browser, asked }: OnTheWay, upstream: Scripted): Promise<Page> {
  return browser.open(upstream.agree(asked.href), isBack);
}

/** A whole sign-in with the provider. */
export async function signInBy(app: RelyingApp, upstream: Scripted, browser = new Browser()): Promise<Page> {
  return comeBack(await setOut(app, upstream, { browser }), upstream);
}
