import { Browser, type Page } from '../kit/browser.ts';
import { type Product, type ProductOptions, startProduct } from '../kit/product.ts';
import { type ArrivedMail, MailServer } from '../kit/services/mail-server.ts';

/** A product with a mail server beside it. */
export interface Mailing {
  readonly product: Product;
  readonly server: MailServer;
  stop(): Promise<void>;
}

/** Starts both. */
export async function startMailing(options: ProductOptions = {}): Promise<Mailing> {
  const server = new MailServer();
  await server.start();
  const env = { POSTERN_MAIL__URL: server.url, POSTERN_MAIL__FROM: 'Northwind <id@northwind.example>' };
  const product = await startProduct({ ...options, env: { ...env, ...options.env } });
  return {
    product,
    server,
    async stop() {
      await product.stop();
      await server.stop();
    },
  };
}

/** The one address of ours in a mail's text. */
export function linkIn({ text }: ArrivedMail): string {
  const [link] = /http:\S+key=\S+/.exec(text) ?? [];
  if (link === undefined) throw new Error(`no link in:\n${text}`);
  return link;
}

/** Fills in the form for a forgotten password. */
export async function askForReset({ url }: { url: string }, email: string, browser = new Browser()): Promise<Page> {
  return browser.submit(await browser.open(`${url}/forgot`), 'forgot-submit', { email });
}

/** A fresh link for a person, past the mail. */
export async function makeResetLink({ app, url }: Product, userId: string): Promise<string> {
  const by = { actor: { kind: 'system' }, facts: {} } as const;
  const { secret } = await app.core.users.links.create('reset', { ttlSeconds: 600, subject: userId }, by);
  return `${url}/reset?key=${secret}`;
}
