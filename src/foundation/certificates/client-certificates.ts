import { X509Certificate } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../clock.ts';
import { createTrustedPeers } from '../http/client-ip.ts';

/**
 * Which certificate a caller has shown (RFC 8705): on a port that asks for one, or in a header of a proxy that did. Whose
 * it is and what it is good for is not decided here.
 */
export interface ClientCertificates {
  /** Before anything else sees the request: takes the header away, and keeps what a trusted proxy wrote into it. */
  receive(request: IncomingMessage): void;
  /** Marks what arrives at the port that asks for certificates. */
  atPort(listener: RequestListener): RequestListener;
  /** Whether the request came to that port. */
  isAtPort(request: IncomingMessage): boolean;
  /** Whether it came to where certificates are asked for: the port, or a proxy that has handed one on. */
  isAsked(request: IncomingMessage): boolean;
  /** The certificate, while its dates are right. Whoever showed it has its private key. */
  read(request: IncomingMessage): X509Certificate | undefined;
}

export interface ClientCertificateParts {
  readonly clock: Clock;
  /** The header that trusted proxies write the certificate into, as URL-encoded PEM. */
  readonly header: string | undefined;
  /** Networks (CIDR) whose header is believed. */
  readonly trustProxy: readonly string[];
}

/** One certificate and nothing else: of several the reader of PEM would take the first, which a caller may have sent. */
const onePem = /^\s*-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----\s*$/;
/** Certificates have a few kilobytes; Node refuses headers of more than 16. */
const longestHeader = 16 * 1024;

export function createClientCertificates({ clock, header, trustProxy }: ClientCertificateParts): ClientCertificates {
  const name = header?.toLowerCase();
  const isTrusted = createTrustedPeers(trustProxy);
  const atPort = new WeakSet<IncomingMessage>();
  const believed = new WeakMap<IncomingMessage, string>();
  const shown = (request: IncomingMessage): X509Certificate | undefined => {
    if (atPort.has(request)) return (request.socket as TLSSocket).getPeerX509Certificate();
    const text = believed.get(request);
    return text === undefined ? undefined : fromHeader(text);
  };
  return {
    receive(request) {
      const text = name === undefined ? undefined : request.headers[name];
      if (name === undefined || text === undefined) return;
      // A certificate is no secret: without this, whoever has seen one could be the client that it belongs to.
      delete request.headers[name];
      if (typeof text === 'string' && !atPort.has(request) && isTrusted(request.socket.remoteAddress)) {
        believed.set(request, text);
      }
    },
    atPort: (listener) => (request, response) => {
      atPort.add(request);
      listener(request, response);
    },
    isAtPort: (request) => atPort.has(request),
    isAsked: (request) => atPort.has(request) || believed.has(request),
    read(request) {
      const certificate = shown(request);
      return certificate && isCurrent(certificate, clock) ? certificate : undefined;
    },
  };
}

/** RFC 5280 §4.1.2.5. */
export const isCurrent = ({ validFromDate, validToDate }: X509Certificate, clock: Clock): boolean =>
  validFromDate.getTime() <= clock.now() && clock.now() <= validToDate.getTime();

function fromHeader(text: string): X509Certificate | undefined {
  if (text.length > longestHeader) return undefined;
  try {
    const pem = decodeURIComponent(text);
    return onePem.test(pem) ? new X509Certificate(pem) : undefined;
  } catch {
    return undefined;
  }
}
