import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './services/folder.ts';

/** A certificate with its private key, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
  readonly files: { readonly cert: string; readonly key: string };
}

/** What a certificate is to say; what is left out is right for a client. */
export interface Wanted {
  /** As openssl takes it: `/O=Example/CN=billing`, the first one first. */
  readonly subject?: string;
  /** As openssl takes it: `DNS:…,URI:…`. */
  readonly names?: string;
  /** Who signs it; itself where absent. */
  readonly by?: KeyPair;
  readonly extensions?: readonly string[];
  readonly days?: number;
}

const folder = temporaryFolder('certificates');
let made = 0;

/** Makes one with openssl. */
export function makeCertificate(wanted: Wanted = {}): KeyPair {
  made += 1;
  const files = { cert: join(folder.path, `${made}.pem`), key: join(folder.path, `${made}.key`) };
  const { by } = wanted;
  const signer = by ? ['-CA', by.files.cert, '-CAkey', by.files.key] : [];
  const named = wanted.names ? [`subjectAltName=${wanted.names}`] : [];
  const extensions = [...named, ...(wanted.extensions ?? [])].flatMap((extension) => ['-addext', extension]);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', files.key];
  const subject = ['-subj', wanted.subject ?? `/CN=client ${made}`];
  // Without a section of extensions only those that are asked for get in.
  const config = join(folder.path, 'openssl.cnf');
  writeFileSync(config, '[req]\ndistinguished_name = dn\nutf8 = yes\nstring_mask = utf8only\n[dn]\n');
  const output = ['-out', files.cert, '-days', String(wanted.days ?? 7)];
  const all = ['req', '-x509', '-config', config, ...key, ...subject, ...signer, ...extensions, ...output];
  execFileSync('openssl', all, { stdio: 'pipe' });
  return { files, cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') };
}

/** A certificate that may issue others. */
export const makeAuthority = (subject = '/CN=Harbour authority', by?: KeyPair): KeyPair =>
  makeCertificate({
    subject,
    extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign'],
    ...(by ? { by } : {}),
  });

/** What tokens that are bound to it name it by (RFC 8705 §3.1). */
export const thumbprintOf = ({ cert }: KeyPair): string =>
  createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url');

/** Its public key with the certificate, as a client registers it (RFC 8705 §2.2.2). */
export function jwkOf({ cert }: KeyPair): { kty: 'EC' } & Record<string, unknown> {
  const certificate = new X509Certificate(cert);
  const jwk = certificate.publicKey.export({ format: 'jwk' });
  return { ...jwk, kty: 'EC', x5c: [certificate.raw.toString('base64')] };
}
