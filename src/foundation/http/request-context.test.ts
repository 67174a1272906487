import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRequestContextReader, traceIdOf } from './request-context.ts';

const read = createRequestContextReader({ trustProxy: ['127.0.0.1/32'] });
const request = (headers: Record<string, string | string[]>, remoteAddress?: string) =>
  ({ headers, socket: { remoteAddress } }) as unknown as IncomingMessage;
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

describe("a request's context", () => {
  it('says where it came from, under our own id', () => {
    const headers = {
      'user-agent': 'Browser/1.0',
      'x-forwarded-for': '203.0.113.9',
      'x-request-id': 'theirs',
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    };
    expect(read(request(headers, '127.0.0.1'), 'ours')).toEqual({
      requestId: 'ours',
      ip: '203.0.113.9',
      userAgent: 'Browser/1.0',
      traceId,
    });
  });

  it('has gaps where nothing is known', () => {
    expect(read(request({ 'user-agent': '\u0000\u0007' }), 'ours')).toEqual({
      requestId: 'ours',
      ip: undefined,
      userAgent: undefined,
      traceId: undefined,
    });
  });

  it('reads a repeated header as one chain', () => {
    const headers = { 'x-forwarded-for': ['1.1.1.1', '203.0.113.9'] };
    expect(read(request(headers, '127.0.0.1'), 'ours').ip).toBe('203.0.113.9');
  });

  it('keeps a user agent short and free of control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => {
        const { userAgent = '' } = read(request({ 'user-agent': text }, '192.0.2.1'), 'ours');
        expect(userAgent.length).toBeLessThanOrEqual(512);
        expect(userAgent).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});

describe('a traceparent', () => {
  it('gives its trace id when it is valid', () => {
    expect(traceIdOf(`00-${traceId}-00f067aa0ba902b7-01`)).toBe(traceId);
    expect(traceIdOf(`01-${traceId}-00f067aa0ba902b7-01-future`)).toBe(traceId);
  });

  it.each([
    undefined,
    '',
    [`00-${traceId}-00f067aa0ba902b7-01`],
    `ff-${traceId}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${traceId}-00f067aa0ba902b7-01x`,
    `00-${traceId}`,
  ])('is ignored when it is not: %j', (header) => expect(traceIdOf(header)).toBeUndefined());
});
