import { z } from 'zod';
import { isSource } from './claim-mapping.ts';
import { type ProviderType, presetOf, presets } from './presets.ts';
import { textClaims } from './text-claims.ts';

const text = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), 'must not contain control characters');

const loopback = /^(localhost|[\w.-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** What is read in the clear can be changed on the way: http is for this machine only. */
const address = z
  .string()
  .max(500)
  .refine((value) => {
    const url = URL.parse(value);
    if (url === null || value.includes('#') || url.username !== '' || url.password !== '') return false;
    return url.protocol === 'https:' || (url.protocol === 'http:' && loopback.test(url.hostname));
  }, 'must be an https address')
  .transform((value) => value.replace(/\/+$/, ''));

const domain = z
  .string()
  .max(253)
  .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i, 'must be a domain such as example.org')
  .transform((name) => name.toLowerCase());

/** RFC 6749 appendix A.4. */
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, 'is not a scope');

/** Claims that a provider may say something about: the standard ones (OpenID Connect Core §5.1), and what access is decided by. */
const mappable = ['sub', 'email', 'email_verified', ...textClaims, 'roles', 'organizations'] as const;

/** What the protocol itself sends; an operator's own parameters must not replace it. */
const ownParameters: ReadonlySet<string> = new Set([
  'client_id',
  'client_secret',
  'redirect_uri',
  'response_type',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
  'response_mode',
]);

const names = <T extends z.ZodType>(one: T) => z.array(one).min(1).max(100);

const policySchema = z.strictObject({
  /** Whether whoever arrives for the first time gets an account; as `registration.mode` has it where nothing is said. */
  create: z.boolean().optional(),
  /** Whether an account may be connected, after its person has proved it. */
  link: z.boolean().default(true),
  /** Whether every address of this provider counts as verified: only for one whose addresses an operator answers for. */
  trust_email: z.boolean().default(false),
  /** Whose second factor counts: ours, or the one that the provider tells of. */
  mfa: z.enum(['own', 'trust']).default('own'),
  /** Whether its word for somebody is enough where an app wants them to sign in anew and it does not say when they did. */
  reauthentication: z.enum(['prove', 'trust']).default('prove'),
  /** Values of `acr` that stand for two factors at the provider, besides `mfa` in its `amr`. */
  mfa_acr: z.array(text(200)).max(20).default([]),
  /** Whether a sign-out here is one at the provider too. */
  logout: z.enum(['here', 'everywhere']).default('here'),
  /** Whether the provider's tokens are kept for apps that may have them; nothing is kept where nothing is said. */
  tokens: z.literal('keep').optional(),
  /** When claims are taken over. */
  claims: z.enum(['first', 'always']).default('first'),
  /** Whoever does not meet all of it is refused. */
  require: z
    .strictObject({
      hd: names(domain).optional(),
      tid: names(text(100)).optional(),
      organizations: names(text(100)).optional(),
      teams: names(z.string().regex(/^[^/\s]+\/[^/\s]+$/, 'must be organisation/team')).optional(),
      domains: names(domain).optional(),
    })
    .default({}),
});

const fields = {
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be lower case letters, digits and hyphens, at most 32'),
  type: z.enum(Object.keys(presets) as [ProviderType, ...ProviderType[]]),
  title: text(60).optional(),
  issuer: address.optional(),
  tenant: z
    .string()
    .regex(/^[A-Za-z0-9.-]{1,100}$/, 'must be common, organizations, consumers, or the tenant’s id or domain')
    .optional(),
  endpoints: z
    .strictObject({ authorization: address, token: address, userinfo: address, revocation: address.optional() })
    .optional(),
  client_id: text(500),
  token_auth: z.enum(['client_secret_basic', 'client_secret_post']).optional(),
  apple: z.strictObject({ team_id: text(50), key_id: text(50) }).optional(),
  scopes: z
    .union([z.string().transform((list) => list.split(' ').filter(Boolean)), z.array(z.string())])
    .pipe(z.array(scope).max(50))
    .optional(),
  parameters: z
    .record(z.string().max(100), text(500))
    .refine(
      (sent) => Object.keys(sent).every((name) => !ownParameters.has(name)),
      'must not name what the protocol sends',
    )
    .optional(),
  mapping: z
    .partialRecord(z.enum(mappable), text(500).refine(isSource, 'must be a path or a template such as {login}'))
    .default({}),
  policy: policySchema.prefault({}),
  domains: names(domain).optional(),
  disabled: z.boolean().default(false),
};

/** A provider as it is stored: what its seed says, defaults filled in, without its secret. */
export type ProviderDefinition = z.output<z.ZodObject<typeof fields>>;

/** A provider as an operator asks for it (`providers:` of the seed file). */
export const newProviderSchema = z
  .strictObject({ ...fields, client_secret: z.string().min(1).max(8192).optional() })
  .superRefine((provider, context) => {
    for (const [path, message] of contradictions(provider)) context.addIssue({ code: 'custom', path: [path], message });
  });

export type NewProvider = z.input<typeof newProviderSchema>;
type ReadProvider = z.output<typeof newProviderSchema>;

/** Microsoft's names for "any tenant": whoever administers one decides what its `email` says. */
const sharedTenants: ReadonlySet<string> = new Set(['common', 'organizations', 'consumers']);

/** The tenant that a Microsoft provider is of: of its issuer's path, or as it is named. */
export const tenantOf = ({ issuer, tenant }: Pick<ProviderDefinition, 'issuer' | 'tenant'>): string =>
  /\/([^/]+)\/v2\.0$/.exec(issuer ?? '')?.[1] ?? tenant ?? 'common';

/** What only an ID token or a provider's metadata can tell of. */
const needingOidc = ({ mfa, logout }: ReadProvider['policy']): [boolean, 'policy', string][] => [
  [mfa === 'trust', 'policy', 'mfa: trust needs OpenID Connect'],
  [logout === 'everywhere', 'policy', 'logout: everywhere needs OpenID Connect'],
];

/** What does not go together, field by field. */
function contradictions(provider: ReadProvider): [keyof ReadProvider, string][] {
  const { type, issuer, endpoints, tenant, apple, mapping } = provider;
  const { protocol, issuer: known, endpoints: knownEndpoints } = presetOf(type);
  const isPlain = protocol === 'oauth2' && knownEndpoints === undefined;
  const rules: [boolean, keyof ReadProvider, string][] = [
    [protocol === 'oidc' && known === undefined && issuer === undefined, 'issuer', 'is missing'],
    [isPlain && endpoints === undefined, 'endpoints', 'is missing'],
    [protocol === 'oidc' && endpoints !== undefined, 'endpoints', 'are found by discovery from the issuer'],
    [isPlain && mapping.sub === undefined, 'mapping', 'must say where sub is found'],
    [type !== 'microsoft' && tenant !== undefined, 'tenant', 'is for microsoft only'],
    [(type === 'apple') !== (apple !== undefined), 'apple', type === 'apple' ? 'is missing' : 'is for apple only'],
    ...policyRules(provider, protocol),
  ];
  return rules.filter(([applies]) => applies).map(([, field, message]) => [field, message]);
}

/** The same of what its policy asks for. */
function policyRules(provider: ReadProvider, protocol: 'oidc' | 'oauth2'): [boolean, keyof ReadProvider, string][] {
  const { type, policy } = provider;
  return [
    // Whoever administers any tenant could call themselves like somebody's administrator here.
    [
      type === 'microsoft' && policy.trust_email && sharedTenants.has(tenantOf(provider)),
      'policy',
      'trust_email needs one tenant',
    ],
    // https://developer.apple.com/documentation/signinwithapplerestapi/tokenresponse: "Reserved for future use."
    [
      type === 'apple' && policy.tokens !== undefined,
      'policy',
      'tokens: keep is not for apple: its tokens open nothing',
    ],
    ...(protocol === 'oauth2' ? needingOidc(policy) : []),
  ];
}
