import { presetOf } from './presets.ts';
import type { Endpoints, Preset } from './providers/preset.ts';
import type { ProviderDefinition } from './schema.ts';

/** Another identity provider, as this process knows it. */
export interface Provider {
  readonly name: string;
  /** What its button calls it. */
  readonly title: string;
  readonly definition: ProviderDefinition;
  readonly preset: Preset;
  /** The client's secret; for Apple the private key that makes one (PEM). */
  readonly clientSecret: string | undefined;
  /** Milliseconds since the epoch: what was read of a provider before it was changed is worth nothing. */
  readonly updatedAt: number;
}

/** Where a provider answers: an address of ours, exactly as it has to be registered there. */
export const callbackUrl = (issuer: string, name: string): string => `${issuer}/federation/${name}/callback`;

/** Where a provider leads who has signed out there, by our leave: registered there as well. */
export const loggedOutUrl = (issuer: string, name: string): string => `${issuer}/federation/${name}/logged-out`;

/** Whose subjects a provider tells of; for Microsoft's shared tenants the template is filled in by each token. */
export function issuerOf({ definition, preset }: Pick<Provider, 'definition' | 'preset'>): string {
  const { type, issuer, tenant, endpoints } = definition;
  if (type === 'microsoft') {
    const root = issuer ?? preset.issuer ?? '';
    return root.endsWith('/v2.0') ? root : `${root}/${tenant ?? 'common'}/v2.0`;
  }
  return issuer ?? preset.issuer ?? new URL(endpoints?.authorization ?? '').origin;
}

/** The endpoints of a provider without discovery. */
export function endpointsOf(provider: Pick<Provider, 'definition' | 'preset'>): Endpoints {
  const found = provider.definition.endpoints ?? provider.preset.endpoints?.(issuerOf(provider));
  if (!found) throw new TypeError('a provider without discovery needs endpoints');
  return found;
}

/** Whether the operator has its tokens kept. */
export const keepsTokens = ({ definition }: Pick<Provider, 'definition'>): boolean =>
  definition.policy.tokens === 'keep';

/** Whether a sign-out here goes on to the provider. */
export const signsOutThere = ({ definition }: Pick<Provider, 'definition'>): boolean =>
  definition.policy.logout === 'everywhere';

/** What is asked for. */
export function scopesOf({ definition, preset }: Pick<Provider, 'definition' | 'preset'>): readonly string[] {
  const asked = definition.scopes ?? preset.scopes;
  const more = preset.scopesFor?.(definition.policy.require) ?? [];
  const openid = preset.protocol === 'oidc' ? ['openid'] : [];
  const offline = keepsTokens({ definition }) && preset.offline?.scope !== undefined ? [preset.offline.scope] : [];
  return [...new Set([...openid, ...asked, ...more, ...offline])];
}

/** The provider of a stored definition. */
export function providerOf(
  definition: ProviderDefinition,
  { clientSecret, updatedAt }: Pick<Provider, 'clientSecret' | 'updatedAt'>,
): Provider {
  const preset = presetOf(definition.type);
  return {
    name: definition.name,
    title: definition.title ?? preset.title,
    definition,
    preset,
    clientSecret,
    updatedAt,
  };
}
