import type { IncomingMessage } from 'node:http';
import { createClientIp } from './client-ip.ts';

/** Where a request came from: a plain object that is passed on, and written with every audit event. */
export interface RequestContext {
  /** Ours, never a caller's: it finds log lines and audit events. */
  readonly requestId: string;
  /** Canonical text; `undefined` when the connection is gone already. */
  readonly ip: string | undefined;
  /** At most 512 characters, without control characters. */
  readonly userAgent: string | undefined;
  /** The trace of the caller's system, when it sent a valid `traceparent`. */
  readonly traceId: string | undefined;
}

/** Reads a request's context under the id that it is given. */
export type RequestContextReader = (request: IncomingMessage, requestId: string) => RequestContext;

const userAgentLimit = 512;

/** A reader that believes `X-Forwarded-For` from the given networks (CIDR) only. */
export function createRequestContextReader({ trustProxy }: { trustProxy: readonly string[] }): RequestContextReader {
  const clientIp = createClientIp(trustProxy);
  return ({ headers, socket }, requestId) => {
    const forwarded = headers['x-forwarded-for'];
    return {
      requestId,
      ip: clientIp(socket.remoteAddress, Array.isArray(forwarded) ? forwarded.join(',') : forwarded),
      userAgent: cleanUserAgent(headers['user-agent']),
      traceId: traceIdOf(headers.traceparent),
    };
  };
}

function cleanUserAgent(text: string | undefined): string | undefined {
  // Control characters could write lines of their own into terminals that show the audit.
  const clean = text
    ?.replace(/\p{Cc}+/gu, ' ')
    .slice(0, userAgentLimit)
    .trim();
  return clean === '' ? undefined : clean;
}

/** The trace id of a W3C `traceparent` (Trace Context §3.2.2), or `undefined` when it is malformed. */
export function traceIdOf(header: string | readonly string[] | undefined): string | undefined {
  if (typeof header !== 'string') return undefined;
  const match = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:$|-)/.exec(header);
  const [, traceId = '', parentId = ''] = match ?? [];
  return /[1-9a-f]/.test(traceId) && /[1-9a-f]/.test(parentId) ? traceId : undefined;
}
