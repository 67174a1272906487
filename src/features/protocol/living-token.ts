import type Provider from 'oidc-provider';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import { type Clock, epochSeconds } from '../../foundation/clock.ts';

/** An opaque access token that is alive, as it is stored, and the grant that it was issued under. */
export interface LivingToken {
  readonly kind: 'AccessToken' | 'ClientCredentials';
  readonly token: AdapterPayload;
  /** Of a token for a person. */
  readonly grant: AdapterPayload | undefined;
}

/**
 * Finds a token that has not expired, was not revoked, whose grant and sign-in stand, and that is bound to no key
 * (RFC 8705 §3.2, RFC 9449 §6.2). The same rows are read for it as by the library, and the same things are asked of them
 * (models/access_token.js, token_helpers.js, actions/introspection.js); of a token of which anything else is true the
 * library has to judge.
 */
export async function livingToken(provider: Provider, value: string, clock: Clock): Promise<LivingToken | undefined> {
  const kind = kinds[value.slice(0, 3)];
  const token = kind && (await adapterOf(provider[kind]).find(value));
  const now = epochSeconds(clock);
  if (!token || token.kind !== kind || !isCurrent(token, now) || isBound(token)) return undefined;
  if (token.expiresWithSession && !(await sessionStands(provider, token))) return undefined;
  if (kind === 'ClientCredentials') return { kind, token, grant: undefined };
  const grant = await standingGrant(provider, token, now);
  return grant && { kind, token, grant };
}

/**
 * A code or refresh token that is alive and was not used, or so lately that it is a racer's, and its grant. Whether this
 * one wins is decided when the unit commits.
 */
export async function livingSource(
  provider: Provider,
  model: 'AuthorizationCode' | 'RefreshToken',
  value: string,
  clock: Clock,
): Promise<{ readonly token: AdapterPayload; readonly grant: AdapterPayload } | undefined> {
  const token = await adapterOf(provider[model]).find(value);
  const now = epochSeconds(clock);
  if (token?.kind !== model || token.consumed) return undefined;
  if (!isCurrent(token, now) || isBound(token) || token['attestationJkt']) return undefined;
  if (token.expiresWithSession && !(await sessionStands(provider, token))) return undefined;
  const grant = await standingGrant(provider, token, now);
  return grant && { token, grant };
}

/** By the prefix of its kind (`token-ids`). */
const kinds: Readonly<Record<string, LivingToken['kind']>> = { at_: 'AccessToken', cc_: 'ClientCredentials' };

export const adapterOf = (model: object): Adapter => (model as { readonly adapter: Adapter }).adapter;

const isCurrent = ({ exp }: AdapterPayload, now: number): boolean => typeof exp === 'number' && exp > now;

const isBound = (token: AdapterPayload): boolean => Boolean(token.jkt || token['x5t#S256']);

async function standingGrant(
  { Grant }: Provider,
  token: AdapterPayload,
  now: number,
): Promise<AdapterPayload | undefined> {
  const grant = await adapterOf(Grant).find(token.grantId ?? '');
  const isOfToken = grant?.clientId === token.clientId && grant?.accountId === token.accountId;
  return grant && isOfToken && isCurrent(grant, now) ? grant : undefined;
}

/** OpenID Connect Core §11: without `offline_access` a token ends with the sign-in that it came from. */
async function sessionStands({ Session }: Provider, token: AdapterPayload): Promise<boolean> {
  const { sessionUid, clientId, accountId, grantId } = token;
  const session = await adapterOf(Session).findByUid(sessionUid ?? '');
  return session?.accountId === accountId && session?.authorizations?.[clientId ?? '']?.grantId === grantId;
}
