import { errors, type Grant, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { isUpstreamScope } from '../clients/module.ts';
import { type AssuranceRule, addAssurance } from './assurance.ts';
import { addDetails, detailsAsked, detailsMissing, sharedDetails } from './authorization-details.ts';
import { standardScopes } from './claims.ts';
import type { Allowed, RememberedConsents } from './remembered-consent.ts';
import type { GrantOfSession } from './session-grant.ts';
import { isNew } from './session-model.ts';

/** Metadata of ours, which the library keeps under its own name. */
export interface OwnMetadata {
  readonly first_party?: boolean;
  readonly require_pkce?: boolean;
}

const isFirstParty = (ctx: KoaContextWithOIDC): boolean =>
  (ctx.oidc.client as unknown as OwnMetadata | undefined)?.first_party === true;

/** The scopes asked for that are the server's own, such as `email`, and not an API's. */
const ownScopesAsked = (ctx: KoaContextWithOIDC): string[] =>
  [...ctx.oidc.requestParamScopes].filter((name) => standardScopes.includes(name) || isUpstreamScope(name));

/**
 * The library's interaction policy, in which the operator's own apps skip the question for consent. Native apps of
 * others are always asked again: another app may have taken their redirect URI (RFC 8252 §8.6). Whoever owes a second
 * factor is asked for it first.
 */
export function consentPolicy(rule: AssuranceRule): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  addAssurance(policy, rule);
  holdToHint(policy);
  const native = checkOf(policy, 'consent', 'native_client_prompt');
  const ask = native.check;
  native.check = (ctx) => !isFirstParty(ctx) && ask(ctx);
  // The library knows scopes of APIs as its own (OIDC-provider needs them to accept clients that name them), and would
  // grant them without an API: a token with `orders:read` that is for nobody.
  const own = checkOf(policy, 'consent', 'op_scopes_missing');
  own.check = (ctx) => ownScopesMissing(ctx).length > 0;
  own.details = (ctx) => ({ missingOIDCScope: ownScopesMissing(ctx) });
  // The library asks every time; whoever has allowed the very same details before is not asked again.
  const details = checkOf(policy, 'consent', 'rar_prompt');
  details.check = (ctx) => detailsMissing(ctx).length > 0;
  details.details = (ctx) => ({ rar: detailsMissing(ctx) });
  return policy;
}

function checkOf(
  policy: interactionPolicy.DefaultPolicy,
  prompt: 'login' | 'consent',
  reason: string,
): interactionPolicy.Check {
  const check = policy.get(prompt)?.checks.get(reason);
  if (!check) throw new TypeError(`oidc-provider has no check ${reason}`);
  return check;
}

/**
 * OpenID Connect Core §3.1.2.1: nobody else is let in than whom the ID token of the request is for. The library forgets the
 * hint once a page was shown: it is read again when somebody has signed in, and an app that gets another person is told so.
 */
function holdToHint(policy: interactionPolicy.DefaultPolicy): void {
  const check = checkOf(policy, 'login', 'id_token_hint');
  const isSomebodyElse = check.check;
  check.check = async (ctx) => {
    const { client, entities, params, provider, result } = ctx.oidc;
    const hint = params?.['id_token_hint'];
    if (client && typeof hint === 'string' && entities.IdTokenHint === undefined) {
      // It was ours when the request came; its key may have been taken away since.
      const read = await provider.IdToken.validate(hint, client).catch(() => undefined);
      if (read === undefined) throw new errors.InvalidRequest('could not validate id_token_hint');
      ctx.oidc.entity('IdTokenHint', read);
    }
    const isOther = await isSomebodyElse(ctx);
    if (isOther && result?.login)
      throw new errors.LoginRequired('somebody else has signed in than id_token_hint names');
    return isOther;
  };
}

function ownScopesMissing(ctx: KoaContextWithOIDC): string[] {
  const answered = new Set(ctx.oidc.grant?.getOIDCScopeEncountered().split(' '));
  return ownScopesAsked(ctx).filter((name) => !answered.has(name));
}

/**
 * What the person has allowed this client so far: the grant of this very interaction or session, and what they are
 * remembered to have allowed before. For a first-party client that is whatever it asks for, as the operator has decided.
 */
export function existingGrant({ consents, grantOf }: { consents: RememberedConsents; grantOf: GrantOfSession }) {
  return async (ctx: KoaContextWithOIDC): Promise<Grant | undefined> => {
    const { client, result, session, provider } = ctx.oidc;
    if (!client || session?.accountId === undefined) return undefined;
    const parties = { accountId: session.accountId, clientId: client.clientId };
    const open = () => grantOf(provider, { ...parties, sessionUid: session.uid, isNew: isNew(session) });
    const grant = await ownGrant(ctx, result?.consent?.grantId ?? session.grantIdFor(client.clientId));
    if (isFirstParty(ctx)) return allow(grant ?? (await open()), askedFor(ctx));
    if (grant) return grant;
    const remembered = common(await consents.find(parties), askedFor(ctx));
    return isNothing(remembered) ? undefined : allow(await open(), remembered);
  };
}

/** The grant with this id. The person may have changed between two sign-ins of one browser: the former one's is not theirs. */
async function ownGrant({ oidc }: KoaContextWithOIDC, id: string | undefined): Promise<Grant | undefined> {
  const grant = id === undefined ? undefined : await oidc.provider.Grant.find(id);
  return grant?.accountId === oidc.session?.accountId ? grant : undefined;
}

function askedFor(ctx: KoaContextWithOIDC): Allowed {
  const servers = Object.entries(ctx.oidc.resourceServers ?? {});
  return {
    scopes: ownScopesAsked(ctx),
    claims: [...ctx.oidc.requestParamClaims],
    resources: Object.fromEntries(servers.map(([identifier, { scope }]) => [identifier, scope?.split(' ') ?? []])),
    details: detailsAsked(ctx),
  };
}

const shared = (one: readonly string[], other: readonly string[] = []): string[] =>
  one.filter((name) => other.includes(name));

/** What is both remembered and asked for: a grant never holds more than its request. */
const common = (remembered: Allowed, asked: Allowed): Allowed => ({
  scopes: shared(asked.scopes, remembered.scopes),
  claims: shared(asked.claims, remembered.claims),
  resources: Object.fromEntries(
    Object.entries(asked.resources).map(([identifier, names]) => [
      identifier,
      shared(names, remembered.resources[identifier]),
    ]),
  ),
  details: sharedDetails(asked.details, remembered.details),
});

const isNothing = ({ scopes, claims, resources, details }: Allowed): boolean =>
  scopes.length + claims.length + Object.values(resources).flat().length + details.length === 0;

async function allow(grant: Grant, { scopes, claims, resources, details }: Allowed): Promise<Grant> {
  const before = JSON.stringify(grant);
  if (scopes.length > 0) grant.addOIDCScope(scopes.join(' '));
  if (claims.length > 0) grant.addOIDCClaims([...claims]);
  for (const [identifier, names] of Object.entries(resources)) {
    if (names.length > 0) grant.addResourceScope(identifier, names.join(' '));
  }
  addDetails(grant, details);
  // An unchanged grant is not written again: a silent sign-in costs no more than it must.
  if (grant.exp === undefined || JSON.stringify(grant) !== before) await grant.save();
  return grant;
}
