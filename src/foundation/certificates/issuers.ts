import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { followFile } from '../follow-file.ts';
import { isCurrent } from './client-certificates.ts';

/** The authorities whose certificates clients are known by. */
export interface Issuers {
  /** Whether one of them has issued this certificate, for clients. Its dates are looked at by whoever read it. */
  haveIssued(certificate: X509Certificate): boolean;
  close(): void;
}

export interface IssuersParts {
  readonly clock: Clock;
  /** A PEM file with the certificates of the authorities; without it there are none. */
  readonly file: string | undefined;
  /** The file has changed and cannot be used; the former authorities stay. */
  readonly onUnusable: (error: unknown) => void;
}

const pemBlocks = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
/** `id-kp-clientAuth` (RFC 5280 §4.2.1.12) and `anyExtendedKeyUsage`. */
const usages: ReadonlySet<string> = new Set(['1.3.6.1.5.5.7.3.2', '2.5.29.37.0']);
/** Signatures that somebody can make fit another certificate. */
const brokenHash = /md5|sha1(?!\d)/i;

/**
 * Reads the authorities, and again when their file changes. A certificate counts if one of them has issued it itself: no
 * chain is followed, so that whether a client is who it says never depends on what it sends along, and is the same behind
 * a proxy that hands on one certificate alone.
 */
export function openIssuers({ clock, file, onUnusable }: IssuersParts): Issuers {
  if (file === undefined) return { haveIssued: () => false, close() {} };
  const reread = (): void => {
    try {
      authorities = readAuthorities(file);
    } catch (error) {
      onUnusable(error);
    }
  };
  const unfollow = followFile(file, reread);
  let authorities = readAuthorities(file);
  return {
    haveIssued: (certificate) =>
      isForClients(certificate) &&
      authorities.some((authority) => isCurrent(authority, clock) && isIssuedBy(certificate, authority)),
    close: unfollow,
  };
}

function readAuthorities(file: string): X509Certificate[] {
  const blocks = readFileSync(file, 'utf8').match(pemBlocks) ?? [];
  const authorities = blocks.map((pem) => new X509Certificate(pem));
  if (authorities.length === 0) throw new TypeError('there is no certificate in PEM form');
  return authorities;
}

/** RFC 5280 §6.1.3, for a path of one. */
const isIssuedBy = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);

function isForClients({ keyUsage, signatureAlgorithm }: X509Certificate): boolean {
  // What Node calls key usage is the extended one; a certificate without it is for everything.
  const isMeant = (keyUsage as readonly string[] | undefined)?.some((usage) => usages.has(usage)) ?? true;
  return isMeant && !brokenHash.test(String(signatureAlgorithm));
}
