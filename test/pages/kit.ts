import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { type BrowserContext, chromium, type Page } from 'playwright';
import { formActionSource, type Headers, securityHeaders } from '../../src/foundation/http/security-headers.ts';
import type { PageLocals, PageName } from '../../src/foundation/views/pages.ts';
import { createViews, type Views } from '../../src/foundation/views/render.ts';
import type { Sample } from './sample.ts';
import { samples } from './samples.ts';

const root = join(import.meta.dirname, '../..');

/** The views as the product builds them, under a made-up operator's name. */
export function sampleViews(): Views {
  return createViews({
    viewsDir: join(root, 'views'),
    publicDir: join(root, 'public'),
    issuer: 'https://login.northwind.example',
    brand: { name: 'Northwind' },
  });
}

/** Renders one sample. */
export function renderSample(views: Views, sample: Sample, language = 'en'): string {
  return views.render<PageName>(sample.page, sample.locals as PageLocals[PageName], { language });
}

/** The first of those that differ in their words alone, by the mark-up that each becomes. */
export function distinctBy<Item>(items: readonly Item[], render: (item: Item) => string): readonly Item[] {
  const known = new Set<string>();
  return items.filter((item) => {
    const bones = render(item).replaceAll(/>[^<]*/g, '>');
    return !known.has(bones) && known.add(bones);
  });
}

function headersOf(sample: Sample): Headers {
  const source = formActionSource('https://harbourbooks.example/callback');
  return securityHeaders({ kind: sample.kind, https: false, formActions: source ? [source] : [] });
}

export interface PageServer {
  readonly origin: string;
  close(): Promise<void>;
}

/** Where the server of samples has axe: the browser keeps what it made of it, which takes longer than to run it. */
export const axePath = '/axe.js';

/** Serves every sample at `/<its name>?ui_locales=<language>` and the assets, with the headers of the real routes. */
export async function servePages(): Promise<PageServer> {
  const views = sampleViews();
  const byPath = new Map(samples.map((sample) => [`/${sample.name}`, sample]));
  const server = createServer((request, response) => {
    const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const sample = byPath.get(path);
    const asset = views.assets.find(path, request.headers['accept-encoding']);
    if (path.includes('/hand-over.')) {
      // The page that posts itself stays, to be looked at.
      response.writeHead(200, { 'Content-Type': 'text/javascript' }).end();
    } else if (path === axePath) {
      response.writeHead(200, { 'Content-Type': 'text/javascript', 'Cache-Control': 'max-age=3600' }).end(axe.source);
    } else if (sample) {
      response.writeHead(200, { ...headersOf(sample), 'Content-Type': 'text/html; charset=utf-8' });
      response.end(renderSample(views, sample, searchParams.get('ui_locales') ?? undefined));
    } else if (asset) {
      response.writeHead(200, { ...securityHeaders({ kind: 'asset', https: false }), ...asset.headers });
      response.end(asset.body);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    // A name: browsers know no passkeys at an address.
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface Look {
  readonly width: number;
  readonly scheme: 'light' | 'dark';
}

const viewportOf = ({ width }: Look) => ({ width, height: width < 480 ? 844 : 860 });

/** Shows the page that is open in another look. */
export async function lookAs(page: Page, look: Look): Promise<void> {
  if (page.viewportSize()?.width !== look.width) await page.setViewportSize(viewportOf(look));
  await page.emulateMedia({ colorScheme: look.scheme });
}

export interface Browsers {
  /** A fresh context of the given width and colour scheme, without motion; close it after use. */
  open(look: Look): Promise<BrowserContext>;
  close(): Promise<void>;
}

/** Starts Chromium, quiet and without a network of its own. */
export async function startChromium(): Promise<Browsers> {
  const scratch = mkdtempSync(join(tmpdir(), 'pages-chromium-'));
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    timeout: 120_000,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--disk-cache-dir=${scratch}`,
    ],
  });
  return {
    // Without motion: nothing fades from one look to the next.
    async open(look) {
      const options = { viewport: viewportOf(look), colorScheme: look.scheme, reducedMotion: 'reduce' } as const;
      const context = await browser.newContext(options);
      context.setDefaultTimeout(120_000);
      return context;
    },
    async close() {
      await browser.close();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}
