import { Browser, type Page } from '../kit/browser.ts';
import { type Product, type ProductOptions, startProduct } from '../kit/product.ts';
import { type ArrivedMail, MailServer } from '../kit/services/mail-server.ts';
import { until } from '../kit/until.ts';

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

/** The newest mail that has arrived for an address, once there is one. */
export async function mailTo(server: MailServer, email: string, subject: RegExp): Promise<ArrivedMail> {
  const find = () => server.arrived.findLast((mail) => mail.recipients.includes(email) && subject.test(mail.subject));
  await until(`a mail to ${email}`, async () => find() !== undefined);
  return find() as ArrivedMail;
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
