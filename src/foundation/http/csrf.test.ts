import { describe, expect, it } from 'vitest';
import { assertSameOrigin } from './csrf.ts';

const issuer = 'https://id.example.com';

describe('a request that changes something', () => {
  it.each([
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'same-origin', origin: 'null' },
    { 'sec-fetch-site': 'same-origin', origin: issuer },
    { origin: issuer },
  ])('is served from our own page: %j', (headers) => {
    expect(() => assertSameOrigin(headers, issuer)).not.toThrow();
  });

  it.each([
    {},
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': '' },
    { 'sec-fetch-site': 'same-origin, same-origin' },
    { 'sec-fetch-site': ['same-origin'] },
    { 'sec-fetch-site': 'cross-site', origin: issuer },
    { origin: 'null' },
    { origin: '' },
    { origin: 'http://id.example.com' },
    { origin: 'https://id.example.com:8443' },
    { origin: 'https://id.example.com.evil.example' },
    { origin: `${issuer}/` },
    { referer: `${issuer}/setup` },
  ])('is refused from anywhere else: %j', (headers) => {
    expect(() => assertSameOrigin(headers as never, issuer)).toThrow(
      expect.objectContaining({ code: 'csrf_refused', status: 403 }),
    );
  });
});
