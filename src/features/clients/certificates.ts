import { z } from 'zod';
import { distinguishedName } from '../../foundation/certificates/distinguished-name.ts';

const subject = z
  .string()
  .max(1000)
  .refine((name) => distinguishedName(name) !== undefined, 'is no distinguished name (RFC 4514)');

const name = z.string().regex(/^[\x21-\x7e]{1,500}$/, 'must be visible ASCII without spaces');

/** RFC 8705 §2.1.2, §3.4. */
export const certificateFields = {
  tls_client_auth_subject_dn: subject.optional(),
  tls_client_auth_san_dns: name.optional(),
  tls_client_auth_san_uri: name.optional(),
  tls_client_auth_san_ip: z.union([z.ipv4(), z.ipv6()]).optional(),
  tls_client_auth_san_email: name.optional(),
  tls_client_certificate_bound_access_tokens: z.boolean().optional(),
};

const subjects = [
  'tls_client_auth_subject_dn',
  'tls_client_auth_san_dns',
  'tls_client_auth_san_uri',
  'tls_client_auth_san_ip',
  'tls_client_auth_san_email',
] as const;

interface Asked extends Partial<Readonly<Record<(typeof subjects)[number], string | undefined>>> {
  readonly token_endpoint_auth_method: string;
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] } | undefined;
  readonly jwks_uri?: string | undefined;
  readonly response_types?: readonly string[] | undefined;
  readonly dpop_bound_access_tokens?: boolean | undefined;
  readonly tls_client_certificate_bound_access_tokens?: boolean | undefined;
}

type Problem = [keyof Asked, string];

/** What does not go together where a client shows certificates, or has its tokens bound. */
export const certificateProblems = (client: Asked): Problem[] => [
  ...subjectProblems(client),
  ...registeredProblems(client),
  ...boundProblems(client),
];

/** §2.1.2: one subject, so that it is clear which certificates are the client's; without that method it would mean nothing. */
function subjectProblems(client: Asked): Problem[] {
  const [one, other] = subjects.filter((field) => client[field] !== undefined);
  if (client.token_endpoint_auth_method !== 'tls_client_auth') {
    return one === undefined ? [] : [[one, `is not used with ${client.token_endpoint_auth_method}`]];
  }
  if (one === undefined) return [['token_endpoint_auth_method', `tls_client_auth needs one of ${subjects.join(', ')}`]];
  return other === undefined ? [] : [[other, `must not be used together with ${one}`]];
}

/** §2.2: what is compared is the certificate, which a key has along with it (`x5c`). */
function registeredProblems({ token_endpoint_auth_method: method, jwks, jwks_uri: uri }: Asked): Problem[] {
  if (method !== 'self_signed_tls_client_auth' || uri !== undefined) return [];
  const hasCertificates = jwks?.keys.every(
    ({ x5c }: { x5c?: unknown }) => Array.isArray(x5c) && typeof x5c[0] === 'string',
  );
  return hasCertificates
    ? []
    : [['jwks', 'needs the certificate of each key as x5c, or jwks_uri, for self_signed_tls_client_auth']];
}

/** A token has one owner's key, and what comes through the address bar cannot be bound to any. */
function boundProblems(client: Asked): Problem[] {
  const fields = ['dpop_bound_access_tokens', 'tls_client_certificate_bound_access_tokens'] as const;
  const bound = fields.filter((field) => client[field]);
  const problems: Problem[] = [];
  if (bound.length > 1) problems.push([fields[1], `must not be used together with ${fields[0]}`]);
  const issuesAtOnce = client.response_types?.some((type) => type.split(' ').includes('token')) ?? false;
  if (bound.length > 0 && issuesAtOnce) problems.push(['response_types', `must not have token with ${bound[0]}`]);
  return problems;
}
