import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { type Assets, createAssets } from './assets.ts';

const folders: string[] = [];

function assetsOf(files: Record<string, string>): Assets {
  const folder = mkdtempSync(join(tmpdir(), 'public-'));
  folders.push(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return createAssets(folder);
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe('the address of an asset', () => {
  it('carries the hash of its content', () => {
    const hash = createHash('sha256').update('<svg/>').digest('hex').slice(0, 16);
    expect(assetsOf({ 'img/a.svg': '<svg/>' }).href('img/a.svg')).toBe(`/assets/a.${hash}.svg`);
  });
  it('changes with what a style sheet names', () => {
    const styles = '.a { background: url("asset:img/a.svg") }';
    const one = assetsOf({ 'css/site.css': styles, 'img/a.svg': '<svg id="1"/>' });
    const two = assetsOf({ 'css/site.css': styles, 'img/a.svg': '<svg id="2"/>' });
    expect(one.href('css/site.css')).not.toBe(two.href('css/site.css'));
  });
  it('is refused for a file that is not there', () => {
    expect(() => assetsOf({}).href('img/none.svg')).toThrow('No asset img/none.svg');
  });
});

describe('the answer', () => {
  const styles = `.a { color: red }\n${'.b { color: blue }\n'.repeat(50)}`;
  it.each([
    ['gzip, deflate, br', 'br'],
    ['gzip;q=0.8, br;q=0', 'gzip'],
    ['identity', undefined],
    [undefined, undefined],
  ])('to "%s" is encoded as %s', (accept, encoding) => {
    const assets = assetsOf({ 'css/site.css': styles });
    const answer = assets.find(assets.href('css/site.css'), accept);
    expect(answer?.headers['Content-Encoding']).toBe(encoding);
    const decoders = { br: brotliDecompressSync, gzip: gunzipSync } as const;
    const body = answer?.body ?? Buffer.alloc(0);
    expect((encoding ? decoders[encoding as 'br' | 'gzip'](body) : body).toString()).toBe(styles);
    expect(answer?.headers['Content-Length']).toBe(String(body.length));
    expect(answer?.headers.Vary).toBe('Accept-Encoding');
  });
  it('may be kept for ever and has a validator per encoding', () => {
    const assets = assetsOf({ 'css/site.css': styles });
    const path = assets.href('css/site.css');
    const plain = assets.find(path, undefined)?.headers;
    expect(plain).toMatchObject({
      'Content-Type': 'text/css; charset=utf-8',
      'Cache-Control': 'public, max-age=31536000, immutable',
      'X-Content-Type-Options': 'nosniff',
    });
    expect(plain?.ETag).toMatch(/^"[0-9a-f]{16}"$/);
    expect(assets.find(path, 'br')?.headers.ETag).not.toBe(plain?.ETag);
  });
  it('does not compress fonts again', () => {
    const assets = assetsOf({});
    const font = assets.find(assets.href('fonts/inter-latin.woff2'), 'br');
    expect(font?.headers['Content-Type']).toBe('font/woff2');
    expect(font?.headers['Content-Encoding']).toBeUndefined();
    expect(font?.body.subarray(0, 4).toString()).toBe('wOF2');
  });
  it('is nothing for an unknown path, a source path or a way out of the folder', () => {
    const assets = assetsOf({ 'css/site.css': styles });
    for (const path of ['/assets/x.css', '/css/site.css', '/assets/../package.json', 'constructor']) {
      expect(assets.find(path, 'br')).toBeUndefined();
    }
  });
});

describe('style sheets', () => {
  it('take in their parts, which have no address of their own', () => {
    const assets = assetsOf({ 'css/site.css': '@import "./_part.css";\n', 'css/_part.css': '.part { color: red }' });
    expect(assets.find(assets.href('css/site.css'), undefined)?.body.toString()).toBe('.part { color: red }\n');
    expect(() => assets.href('css/_part.css')).toThrow('No asset');
  });
  it('stop the start when they name what is not there', () => {
    expect(() => assetsOf({ 'css/site.css': '@import url(other.css);' })).toThrow('cannot be bundled');
    expect(() => assetsOf({ 'css/site.css': 'a { background: url(asset:img/no.svg) }' })).toThrow(
      'No asset img/no.svg',
    );
  });
});

describe('the folder', () => {
  it('may not hold files of unknown type', () => {
    expect(() => assetsOf({ 'a.exe': 'x' })).toThrow('No content type for assets that end in ".exe"');
  });
  it('may not hold the same file twice under one name', () => {
    expect(() => assetsOf({ 'a/x.svg': '<svg/>', 'b/x.svg': '<svg/>' })).toThrow('would share the address');
  });
});
