import { describe, expect, it } from 'vitest';
import { formActionSource, type RouteKind, securityHeaders } from './security-headers.ts';

const kinds: readonly RouteKind[] = ['page', 'interaction', 'logout', 'machine', 'document', 'asset'];
const shown: readonly RouteKind[] = ['page', 'interaction', 'logout'];
const of = (kind: RouteKind) => securityHeaders({ kind, https: true });
const policyOf = (kind: RouteKind, more: { formActions?: string[] } = {}) =>
  securityHeaders({ kind, https: true, ...more })['Content-Security-Policy'];

describe('every answer', () => {
  it.each(kinds)('of kind %s is not sniffed and cannot be framed', (kind) => {
    expect(of(kind)['X-Content-Type-Options']).toBe('nosniff');
    expect(policyOf(kind)).toContain("default-src 'none'");
    expect(policyOf(kind)).toContain("frame-ancestors 'none'");
  });
  it.each(kinds)('of kind %s demands https only from an https issuer', (kind) => {
    expect(of(kind)['Strict-Transport-Security']).toBe('max-age=31536000');
    expect(securityHeaders({ kind, https: false })).not.toHaveProperty('Strict-Transport-Security');
  });
});

describe('what a person sees', () => {
  it.each(shown)('of kind %s is not stored, keeps its referrer at home and asks nothing of the device', (kind) => {
    expect(of(kind)).toMatchObject({
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'X-Frame-Options': 'DENY',
    });
    expect(of(kind)['Permissions-Policy']).toContain('camera=()');
    expect(policyOf(kind)).toContain("base-uri 'none'");
  });
  it('loads its own styles, pictures, fonts and scripts', () => {
    expect(policyOf('page')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
  });
  it('stands apart from its opener, except where popup sign-in needs it', () => {
    expect(of('page')['Cross-Origin-Opener-Policy']).toBe('same-origin');
    for (const kind of ['interaction', 'logout'] as const) {
      expect(of(kind)['Cross-Origin-Opener-Policy']).toBe('unsafe-none');
    }
  });
});

describe('what programs read', () => {
  it('gets the short list', () => {
    expect(securityHeaders({ kind: 'machine', https: false })).toEqual({
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
      'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    });
  });
  it('may be cached and read by anyone when it is a public document', () => {
    expect(of('document')).not.toHaveProperty('Cache-Control');
    expect(of('document')['Cross-Origin-Resource-Policy']).toBe('cross-origin');
    expect(of('asset')['Cross-Origin-Resource-Policy']).toBe('same-origin');
  });
  it('is the same object each time, so that it costs nothing', () => expect(of('machine')).toBe(of('machine')));
});

describe('where forms may lead', () => {
  it('is our own origin and the app that is named', () => {
    expect(policyOf('interaction', { formActions: ['https://books.example', 'com.example.books:'] })).toContain(
      "form-action 'self' https://books.example com.example.books:;",
    );
  });
  it('never grows by what a value smuggles in', () => {
    for (const source of [
      "https://a.example; script-src 'unsafe-inline'",
      'https://a.example,x',
      'a b',
      'a\r\nX: y',
      '',
    ]) {
      expect(() => policyOf('interaction', { formActions: [source] })).toThrow(TypeError);
    }
  });
  it.each([
    ['https://books.example/callback?x=1', 'https://books.example'],
    ['http://localhost:8081/cb', 'http://localhost:8081'],
    ['http://[::1]:8081/cb', 'http:'],
    ['com.example.books:/cb', 'com.example.books:'],
    ['nonsense', undefined],
  ])('for %s is %s', (uri, source) => expect(formActionSource(uri)).toBe(source));
});
