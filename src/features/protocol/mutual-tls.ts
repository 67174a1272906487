import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { parse } from 'node:querystring';
import type { Middleware } from 'koa';
import type Provider from 'oidc-provider';
import type { Client, ClientAuthMethod, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { type AlternativeName, hasAlternativeName } from '../../foundation/certificates/alternative-names.ts';
import type { ClientCertificates } from '../../foundation/certificates/client-certificates.ts';
import { distinguishedName, subjectName } from '../../foundation/certificates/distinguished-name.ts';
import type { Issuers } from '../../foundation/certificates/issuers.ts';
import type { RefreshClientKeys } from './client-keys.ts';
import { postedForm } from './read-form.ts';
import { machineEndpoints, publicDocuments, routes } from './routes.ts';

type MutualTls = NonNullable<NonNullable<Configuration['features']>['mTLS']>;

/** How clients show certificates (RFC 8705). */
export interface MutualTlsParts {
  readonly certificates: Pick<ClientCertificates, 'read'>;
  readonly issuers: Pick<Issuers, 'haveIssued'>;
  readonly mtls: {
    /** Whether anything asks for certificates. */
    readonly isOffered: boolean;
    /** Whether there are authorities, for `tls_client_auth`. */
    readonly hasAuthorities: boolean;
    /** Where clients go to be asked for a certificate, if that is not the issuer. */
    readonly url: string | undefined;
  };
}

/** The ways to authenticate by a certificate. */
export const certificateMethods = ['tls_client_auth', 'self_signed_tls_client_auth'] as const;

/**
 * The library's part of RFC 8705. It stands in every engine, whether anything asks for certificates or not: switched off,
 * the library would forget that a client's tokens are to be bound, and issue them to whoever holds its secret.
 */
export function mutualTls({ certificates, issuers }: MutualTlsParts): MutualTls {
  const shown = (ctx: KoaContextWithOIDC): X509Certificate | undefined => certificates.read(ctx.req as IncomingMessage);
  return {
    enabled: true,
    certificateBoundAccessTokens: true,
    selfSignedTlsClientAuth: true,
    tlsClientAuth: true,
    getCertificate: shown as NonNullable<MutualTls['getCertificate']>,
    certificateAuthorized: (ctx) => isMet(shown(ctx), (certificate) => issuers.haveIssued(certificate)),
    certificateSubjectMatches: (ctx, property, expected) =>
      isMet(shown(ctx), (certificate) => isCalled(certificate, property, expected)),
  };
}

const isMet = (certificate: X509Certificate | undefined, rule: (certificate: X509Certificate) => boolean): boolean =>
  certificate !== undefined && rule(certificate);

const alternatives: Readonly<Record<string, AlternativeName>> = {
  tls_client_auth_san_dns: 'dns',
  tls_client_auth_san_uri: 'uri',
  tls_client_auth_san_ip: 'ip',
  tls_client_auth_san_email: 'email',
};

/** RFC 8705 §2.1.2: whether the certificate is of the subject that the client is registered with. */
function isCalled({ subject, subjectAltName }: X509Certificate, property: string, expected: string): boolean {
  const alternative = alternatives[property];
  if (alternative) return hasAlternativeName(subjectAltName, alternative, expected);
  const name = distinguishedName(expected);
  return property === 'tls_client_auth_subject_dn' && name !== undefined && subjectName(subject) === name;
}

/** Says in discovery what there is, and where (RFC 8705 §3.3, §5). */
export function tellMutualTls({ mtls }: MutualTlsParts): Middleware {
  const missing = new Set<string>([
    ...(mtls.isOffered ? [] : certificateMethods),
    ...(mtls.hasAuthorities ? [] : ['tls_client_auth']),
  ]);
  return async (ctx, next) => {
    await next();
    const isDiscovery = publicDocuments.has(ctx.path) && ctx.path !== routes.jwks && ctx.status === 200;
    if (!isDiscovery || ctx.method !== 'GET') return;
    const document = ctx.body as Record<string, unknown>;
    for (const [name, value] of Object.entries(document)) {
      if (!name.endsWith('_auth_methods_supported') || !Array.isArray(value)) continue;
      document[name] = value.filter((method) => !missing.has(String(method)));
    }
    if (!mtls.isOffered) document['tls_client_certificate_bound_access_tokens'] = undefined;
    if (mtls.url !== undefined) document['mtls_endpoint_aliases'] = aliases(document, mtls.url);
  };
}

/** Every endpoint that programs call, at the address that asks for a certificate. */
function aliases(document: Readonly<Record<string, unknown>>, base: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(document)) {
    const path = name.endsWith('_endpoint') && typeof value === 'string' ? new URL(value).pathname : '';
    if (machineEndpoints.has(path)) found[name] = base + path;
  }
  return found;
}

/** Brings the registered certificates up to date of a client that publishes them, before the library compares (§2.2.2). */
export function refreshCertificates(provider: Provider, parts: MutualTlsParts, refresh: RefreshClientKeys): Middleware {
  return async (ctx, next) => {
    const certificate = postedForm(ctx) === undefined ? undefined : parts.certificates.read(ctx.req);
    const client = certificate && (await provider.Client.find(clientIdOf(postedForm(ctx) ?? '')));
    if (client && isSelfSigned(client)) await refresh(client, { certificate: certificate.raw.toString('base64') });
    return next();
  };
}

function clientIdOf(form: string): string {
  const { client_id: id } = parse(form);
  return typeof id === 'string' ? id : '';
}

const isSelfSigned = ({ clientAuthMethod }: Client): boolean =>
  clientAuthMethod === ('self_signed_tls_client_auth' satisfies ClientAuthMethod);
