import type { Claims } from '../users/module.ts';
import { mapped } from './claim-mapping.ts';
import type { Attributes } from './identity.ts';
import type { Provider } from './provider.ts';
import type { Json } from './providers/preset.ts';
import { textClaims } from './text-claims.ts';
import type { UpstreamTokens } from './upstream-tokens.ts';

/** Somebody whom a provider has vouched for. */
export interface Arrival {
  readonly issuer: string;
  readonly subject: string;
  /** The provider's own name for the session that the person has there (OpenID Connect Back-Channel Logout §2.1). */
  readonly sid?: string | undefined;
  /** As the provider says it. */
  readonly email?: string | undefined;
  /** Whether the provider has shown that the address is the person's. */
  readonly isEmailVerified: boolean;
  /** Standard claims, for the account. */
  readonly claims: Claims;
  readonly attributes: Attributes;
  /** How the person proved who they are there, as far as it is trusted here. */
  readonly amr: readonly string[];
  /** Whether that was two factors that count here. */
  readonly isMultiFactor: boolean;
  /** When the person signed in there, in seconds, where the provider says it. */
  readonly authTime?: number | undefined;
  /** The ID token as it came, where a sign-out is to go on to the provider with it. */
  readonly idToken?: string | undefined;
  /** What the provider gave for the person, where the operator has it kept. */
  readonly tokens?: UpstreamTokens | undefined;
}

/** What a provider answered, once the protocol has checked it. */
export interface Answer {
  readonly issuer: string;
  /** Every claim of the ID token, of UserInfo and of the API. */
  readonly json: Json;
}

const text = (value: unknown): string | undefined => {
  const found = typeof value === 'number' ? String(value) : value;
  return typeof found === 'string' && found !== '' && found.isWellFormed() && !/\p{Cc}/u.test(found)
    ? found
    : undefined;
};

const texts = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value])
    .map(text)
    .filter((one): one is string => one !== undefined && one.length <= 200)
    .slice(0, 200);

/** Claims that are addresses: only where a link may lead there. */
const addresses: ReadonlySet<string> = new Set(['profile', 'picture', 'website']);

const fits = (name: string, value: string): boolean => {
  if (value.length > 1000) return false;
  if (name === 'birthdate') return /^\d{4}(-\d{2}-\d{2})?$/.test(value);
  return !addresses.has(name) || /^https?:$/.test(URL.parse(value)?.protocol ?? '');
};

/** The person in a provider's words, by preset and mapping. Undefined where it does not say who it is. */
export function readArrival(provider: Provider, { issuer, json }: Answer): Arrival | undefined {
  const { preset, definition } = provider;
  const sources: Readonly<Record<string, string>> = { ...preset.mapping, ...definition.mapping };
  const of = (name: string): unknown => {
    const source = sources[name];
    return source === undefined ? undefined : mapped(json, source);
  };
  const subject = text(of('sub'));
  if (subject === undefined || subject.length > 255) return undefined;
  const sid = preset.protocol === 'oidc' ? json['sid'] : undefined;
  const email = text(of('email'));
  const isVerified = preset.isEmailVerified?.(json) ?? of('email_verified') === true;
  const found = textClaims.map((name) => [name, text(of(name))] as const);
  return {
    issuer,
    subject,
    sid: typeof sid === 'string' && sid !== '' ? sid : undefined,
    email,
    isEmailVerified: email !== undefined && (isVerified || definition.policy.trust_email),
    claims: Object.fromEntries(found.filter(([name, value]) => value !== undefined && fits(name, value))),
    attributes: { roles: texts(of('roles')), organizations: texts(of('organizations')) },
    ...assuranceOf(provider, json),
  };
}

/** Methods that our own rooms read as shown to us are left out: nobody showed them here. */
const ours: ReadonlySet<string> = new Set(['pwd', 'pop', 'email', 'user']);

/** How the person proved who they are (RFC 8176), where the operator trusts what the provider says of it. */
function assuranceOf({ definition }: Provider, json: Json): Pick<Arrival, 'amr' | 'isMultiFactor'> {
  const { mfa, mfa_acr: accepted } = definition.policy;
  if (mfa === 'own') return { amr: ['fed'], isMultiFactor: false };
  const told = texts(json['amr']).filter((method) => /^[\w.-]{1,32}$/.test(method));
  const acr = text(json['acr']);
  const isMultiFactor = told.includes('mfa') || (acr !== undefined && accepted.includes(acr));
  const amr = isMultiFactor ? ['fed', ...told.filter((method) => !ours.has(method)), 'mfa'] : ['fed'];
  return { amr: [...new Set(amr)], isMultiFactor };
}
