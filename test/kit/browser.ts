/** A browser without scripts: keeps cookies by path, follows redirects, fills in forms. Enough to walk our pages over HTTP. */

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
}

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Form {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

export class Browser {
  #cookies: Cookie[] = [];
  readonly #headers: Readonly<Record<string, string>>;

  constructor(headers: Readonly<Record<string, string>> = {}) {
    this.#headers = headers;
  }

  /** Opens an address and follows redirects while they stay on `origin`s that answer; stops at the first that matches `until`. */
  async open(url: string, until?: (url: string) => boolean): Promise<Page> {
    return this.#follow(await this.#send('GET', url), until);
  }

  /** Sends the form whose button has this id, with more fields, and follows redirects. */
  async submit(
    page: Page,
    buttonId: string,
    fields: Record<string, string> = {},
    until?: (url: string) => boolean,
  ): Promise<Page> {
    const form = formOf(page, buttonId);
    const body = new URLSearchParams({ ...form.fields, ...fields }).toString();
    return this.#follow(await this.#send('POST', new URL(form.action, page.url).href, body), until);
  }

  /** One POST of a form, redirects not followed. */
  post(url: string, fields: Record<string, string>): Promise<Page> {
    return this.#send('POST', url, new URLSearchParams(fields).toString());
  }

  /** One GET, redirects not followed. */
  get(url: string): Promise<Page> {
    return this.#send('GET', url);
  }

  cookies(): readonly Cookie[] {
    return this.#cookies;
  }

  /** A second browser with the same cookies. */
  copy(): Browser {
    const other = new Browser(this.#headers);
    other.#cookies = [...this.#cookies];
    return other;
  }

  /** A second browser with the same cookies, which sends these headers as well. */
  with(headers: Readonly<Record<string, string>>): Browser {
    const other = new Browser({ ...this.#headers, ...headers });
    other.#cookies = [...this.#cookies];
    return other;
  }

  /** Keeps these cookies of another one as well. */
  take(cookies: readonly Cookie[]): void {
    this.#cookies = [...this.#cookies, ...cookies];
  }

  forgetCookies(): void {
    this.#cookies = [];
  }

  async #follow(first: Page, until?: (url: string) => boolean): Promise<Page> {
    let page = first;
    for (let hop = 0; hop < 12; hop += 1) {
      const location = page.headers.get('location');
      if (location === null || page.status < 300 || page.status > 399) return page;
      const next = new URL(location, page.url).href;
      if (until?.(next)) return { ...page, url: next };
      page = await this.#send('GET', next);
    }
    throw new Error(`too many redirects, last ${page.url}`);
  }

  async #send(method: string, url: string, body?: string): Promise<Page> {
    const { origin, pathname } = new URL(url);
    const sent = this.#cookies.filter(
      ({ path }) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`),
    );
    const headers: Record<string, string> = { accept: 'text/html', ...this.#headers };
    if (sent.length > 0) headers['cookie'] = sent.map(({ name, value }) => `${name}=${value}`).join('; ');
    if (body !== undefined) {
      headers['content-type'] = 'application/x-www-form-urlencoded';
      headers['origin'] ??= origin;
    }
    const response = await fetch(url, { method, headers, redirect: 'manual', ...(body === undefined ? {} : { body }) });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return { url, status: response.status, headers: response.headers, text: await response.text() };
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(/;\s*/);
    const at = pair.indexOf('=');
    const name = pair.slice(0, at);
    const of = (key: string) =>
      attributes.find((text) => text.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1);
    const path = of('path') ?? '/';
    this.#cookies = this.#cookies.filter((cookie) => cookie.name !== name || cookie.path !== path);
    const expires = of('expires');
    const isGone = expires !== undefined && Date.parse(expires) < Date.now();
    if (!isGone) this.#cookies.push({ name, value: pair.slice(at + 1), path });
  }
}

/** The form that holds the button with this id. Throws when the page has none: the page is then part of the message. */
export function formOf(page: Pick<Page, 'text' | 'url'>, buttonId: string): Form {
  for (const [, attributes = '', inner = ''] of page.text.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)) {
    const button = new RegExp(`<button[^>]*\\bid="${buttonId}"[^>]*>`).exec(inner)?.[0];
    if (!button) continue;
    const tags = [...inner.matchAll(/<input[^>]*>/g), [button]].map(([tag]) => String(tag));
    // A box that is not ticked is not sent.
    const inputs = tags.filter((tag) => attribute(tag, 'type') !== 'checkbox' || /\bchecked\b/.test(tag));
    const fields = inputs.map((tag) => [attribute(tag, 'name'), attribute(tag, 'value') ?? ''] as const);
    const named = fields.filter((field): field is readonly [string, string] => field[0] !== undefined);
    return { action: attribute(attributes, 'action') ?? page.url, fields: Object.fromEntries(named) };
  }
  throw new Error(`no form with #${buttonId} on ${page.url}:\n${page.text.slice(0, 3000)}`);
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
  return value?.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'");
}

/** The text of the element with this id, without tags. */
export function textOf(page: Pick<Page, 'text'>, id: string): string | undefined {
  const inner = new RegExp(`id="${id}"[^>]*>([\\s\\S]*?)</`).exec(page.text)?.[1];
  return inner?.replaceAll(/<[^>]*>/g, '').trim();
}
