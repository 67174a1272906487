import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};
const compressible = new Set(['.css', '.js', '.svg']);
const fontSubsets = ['latin', 'latin-ext', 'greek', 'cyrillic'];
const fontPackage = '@fontsource-variable/inter/package.json';
/** What the strength meter loads: the scripts that the packages ship for browsers, which need no bundling. */
const meterParts = { core: 'core', common: 'language-common', english: 'language-en' } as const;
/** In bytes. */
const large = 200_000;
const mount = '/assets/';

export interface AssetAnswer {
  readonly body: Buffer;
  /** Everything the answer says about itself: type, encoding, length, validator, caching. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The files every page is made of, held in memory under names that change with their content. */
export interface Assets {
  /** The address of a file below `public/`, such as `css/site.css`. Throws when there is no such file. */
  readonly href: (path: string) => string;
  /** The file at a request's path, in the best encoding the client takes; `undefined` when there is none. */
  find(path: string, acceptEncoding: string | undefined): AssetAnswer | undefined;
}

interface StoredAsset {
  readonly plain: AssetAnswer;
  /** Made when first asked for: a start waits for nothing that nobody may ever load. */
  readonly br?: () => AssetAnswer;
  readonly gzip?: () => AssetAnswer;
}

/** Reads `public/` and the fonts once. Throws for a file of unknown type and for two files of one name. */
export function createAssets(publicDir: string): Assets {
  const hrefs = new Map<string, string>();
  const byPath = new Map<string, StoredAsset>();
  const add = (path: string, body: Buffer) => {
    const extension = extname(path);
    const hash = createHash('sha256').update(body).digest('hex').slice(0, 16);
    const href = `${mount}${basename(path, extension)}.${hash}${extension}`;
    if (byPath.has(href)) throw new Error(`Two assets would share the address ${href}`);
    hrefs.set(path, href);
    byPath.set(href, storedAsset(extension, hash, body));
  };
  const href = (path: string): string => {
    const found = hrefs.get(path);
    if (found === undefined) throw new Error(`No asset ${path}`);
    return found;
  };

  for (const subset of fontSubsets) add(`fonts/inter-${subset}.woff2`, readFont(subset));
  for (const [name, part] of Object.entries(meterParts)) add(`js/zxcvbn-${name}.js`, readMeterPart(part));
  const files = readdirSync(publicDir, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(publicDir.length)
        .replace(/^[/\\]/, ''),
    );
  // Style sheets come last: they name the others by their hashed addresses.
  for (const path of files.filter((name) => !name.endsWith('.css'))) add(path, readFileSync(join(publicDir, path)));
  for (const path of files.filter((name) => name.endsWith('.css') && !basename(name).startsWith('_'))) {
    add(
      path,
      Buffer.from(bundleStyles(join(publicDir, path)).replaceAll(/asset:([\w./-]+)/g, (_, name) => href(name))),
    );
  }

  return {
    href,
    find(path, acceptEncoding) {
      const asset = byPath.get(path);
      if (!asset) return undefined;
      if (asset.br && accepts(acceptEncoding, 'br')) return asset.br();
      if (asset.gzip && accepts(acceptEncoding, 'gzip')) return asset.gzip();
      return asset.plain;
    },
  };
}

function readFont(subset: string): Buffer {
  const folder = dirname(createRequire(import.meta.url).resolve(fontPackage));
  return readFileSync(join(folder, 'files', `inter-${subset}-opsz-normal.woff2`));
}

/** With its licence, which asks to be in every copy. */
function readMeterPart(part: string): Buffer {
  const folder = dirname(createRequire(import.meta.url).resolve(`@zxcvbn-ts/${part}`));
  const licence = readFileSync(join(folder, '..', 'LICENSE.txt'), 'utf8').trim();
  const script = readFileSync(join(folder, 'zxcvbn-ts.js'), 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '');
  return Buffer.from(`/*! @zxcvbn-ts/${part}\n${licence}\n*/\n${script}`);
}

/** A style sheet with its `@import "./_part.css";` lines replaced by those files: one request instead of many. */
function bundleStyles(file: string): string {
  const bundled = readFileSync(file, 'utf8').replaceAll(/^@import "(\.\/[\w-]+\.css)";$/gm, (_, part: string) =>
    readFileSync(join(dirname(file), part), 'utf8'),
  );
  if (bundled.includes('@import')) throw new Error(`${file} has an @import that cannot be bundled`);
  return bundled;
}

function storedAsset(extension: string, hash: string, body: Buffer): StoredAsset {
  const type = types[extension];
  if (type === undefined) throw new Error(`No content type for assets that end in "${extension}"`);
  const small = compressible.has(extension);
  const answer = (content: Buffer, encoding: string | undefined): AssetAnswer => ({
    body: content,
    headers: {
      'Content-Type': type,
      'Content-Length': String(content.length),
      'Cache-Control': 'public, max-age=31536000, immutable',
      // A strong validator differs between encodings (RFC 9110 §8.8.3).
      ETag: `"${hash}${encoding === undefined ? '' : `-${encoding}`}"`,
      'X-Content-Type-Options': 'nosniff',
      ...(small && { Vary: 'Accept-Encoding' }),
      ...(encoding !== undefined && { 'Content-Encoding': encoding }),
    },
  });
  if (!small) return { plain: answer(body, undefined) };
  // Large ones are dictionaries, which are packed already: more effort would hold up everybody, and save nothing.
  const quality = body.length > large ? 2 : 9;
  const level = body.length > large ? 1 : 9;
  const brotli = () => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
  return {
    plain: answer(body, undefined),
    br: once(() => answer(brotli(), 'br')),
    gzip: once(() => answer(gzipSync(body, { level }), 'gzip')),
  };
}

/** The value, made when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Whether an Accept-Encoding header names this coding with a weight above 0 (RFC 9110 §12.5.3). */
function accepts(header: string | undefined, coding: string): boolean {
  return (header ?? '').split(',').some((item) => {
    const [name = '', ...parameters] = item
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/);
    return name === coding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}
