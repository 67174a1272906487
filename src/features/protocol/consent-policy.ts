import { type Grant, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { standardScopes } from './claims.ts';

/** Metadata of ours, which the library keeps under its own name. */
export interface OwnMetadata {
  readonly first_party?: boolean;
  readonly require_pkce?: boolean;
}

const isFirstParty = (ctx: KoaContextWithOIDC): boolean =>
  (ctx.oidc.client as unknown as OwnMetadata | undefined)?.first_party === true;

/** The scopes asked for that are the server's own, such as `email`, and not an API's. */
const ownScopesAsked = (ctx: KoaContextWithOIDC): string[] =>
  [...ctx.oidc.requestParamScopes].filter((name) => standardScopes.includes(name));

/**
 * The library's interaction policy, in which the operator's own apps skip the question for consent. Native apps of
 * others are always asked again: another app may have taken their redirect URI (RFC 8252 §8.6).
 */
export function consentPolicy(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  const native = checkOf(policy, 'native_client_prompt');
  const ask = native.check;
  native.check = (ctx) => !isFirstParty(ctx) && ask(ctx);
  // The library knows scopes of APIs as its own (OIDC-provider needs them to accept clients that name them), and would
  // grant them without an API: a token with `orders:read` that is for nobody.
  const own = checkOf(policy, 'op_scopes_missing');
  own.check = (ctx) => ownScopesMissing(ctx).length > 0;
  own.details = (ctx) => ({ missingOIDCScope: ownScopesMissing(ctx) });
  return policy;
}

function checkOf(policy: interactionPolicy.DefaultPolicy, reason: string): interactionPolicy.Check {
  const check = policy.get('consent')?.checks.get(reason);
  if (!check) throw new TypeError(`oidc-provider has no check ${reason}`);
  return check;
}

function ownScopesMissing(ctx: KoaContextWithOIDC): string[] {
  const answered = new Set(ctx.oidc.grant?.getOIDCScopeEncountered().split(' '));
  return ownScopesAsked(ctx).filter((name) => !answered.has(name));
}

/**
 * What the person has allowed this client so far: the grant of this very interaction or session. For a first-party
 * client what it asks for is added, as the operator has decided already.
 */
export async function loadExistingGrant(ctx: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { client, result, session, provider } = ctx.oidc;
  if (!client || !session) return undefined;
  const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  const existing = grantId ? await provider.Grant.find(grantId) : undefined;
  // The person may have changed between two sign-ins of one browser: the former one's grant is not theirs.
  const grant = existing?.accountId === session.accountId ? existing : undefined;
  if (!isFirstParty(ctx) || session.accountId === undefined) return grant;
  return allowWhatIsAsked(
    ctx,
    grant ?? new provider.Grant({ accountId: session.accountId, clientId: client.clientId }),
  );
}

async function allowWhatIsAsked(ctx: KoaContextWithOIDC, grant: Grant): Promise<Grant> {
  const before = JSON.stringify(grant);
  const asked = ownScopesAsked(ctx).join(' ');
  if (asked) grant.addOIDCScope(asked);
  if (ctx.oidc.requestParamClaims.size > 0) grant.addOIDCClaims([...ctx.oidc.requestParamClaims]);
  for (const [identifier, server] of Object.entries(ctx.oidc.resourceServers ?? {})) {
    grant.addResourceScope(identifier, server.scope ?? '');
  }
  // An unchanged grant is not written again: a silent sign-in costs no more than it must.
  if (grant.jti === undefined || JSON.stringify(grant) !== before) await grant.save();
  return grant;
}
