import type { Context } from 'koa';
import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import type { Settings } from '../settings/module.ts';
import type { User } from '../users/module.ts';

/** The assurance of a password alone. Published, and told truthfully in `acr`. */
export const singleFactor = 'urn:postern:acr:1fa';
/** The assurance of a password and a second factor. */
export const multiFactor = 'urn:postern:acr:2fa';

/** Why the engine asks people who are signed in for more. */
export const secondFactorReason = 'second_factor';

type Policy = Settings['mfa']['policy'];

/** How strictly people are held to a second factor: by the setting for everybody, and by what is said of their roles. */
export interface MfaPolicyRule {
  /** What holds for somebody with these roles. */
  forRoles(roles: User['roles']): Policy;
  /** What holds for a person. */
  of(accountId: string): Promise<Policy>;
  /** What holds for those who are held to most. */
  strictest(): Policy;
}

/** Who needs a second factor. */
export interface AssuranceRule {
  readonly mfaPolicies: MfaPolicyRule;
  readonly hasSecondFactor: (accountId: string) => Promise<boolean>;
  /** Whether the person has said that this browser may go without. */
  readonly isRemembered: (ctx: Context, accountId: string) => Promise<boolean>;
}

/** What can be vouched for under a policy: where second factors are switched off none is promised. */
export const assurances = (policy: Policy): string[] =>
  policy === 'off' ? [singleFactor] : [singleFactor, multiFactor];

/** The authentication contexts that a request names. */
export interface AskedAcr {
  readonly values: readonly string[];
  /** Whether an answer without one of them is worth nothing to the app (OpenID Connect Core §5.5.1.1). */
  readonly essential: boolean;
}

/** What the request says in `claims` or `acr_values`; an essential claim goes first. Throws `invalid_request`. */
export function askedAcr(params: Readonly<Record<string, unknown>>): AskedAcr {
  const claim = acrClaim(params['claims']);
  if (claim?.essential) return claim;
  const listed = typeof params['acr_values'] === 'string' ? params['acr_values'].split(' ').filter(Boolean) : [];
  return listed.length > 0 ? { values: listed, essential: false } : (claim ?? { values: [], essential: false });
}

function acrClaim(claims: unknown): AskedAcr | undefined {
  if (typeof claims !== 'string') return undefined;
  const asked = (
    JSON.parse(claims) as { id_token?: { acr?: { essential?: unknown; value?: unknown; values?: unknown } } }
  ).id_token?.acr;
  if (!asked) return undefined;
  if (asked.values !== undefined && !Array.isArray(asked.values)) {
    throw new errors.InvalidRequest('invalid claims.id_token.acr.values type');
  }
  const given: readonly unknown[] = (asked.values as unknown[] | undefined) ?? [asked.value];
  return { values: given.filter((one) => typeof one === 'string'), essential: asked.essential === true };
}

/**
 * The library's check of `claims`, wherever it comes in: also where nobody is asked yet, as by a pushed request or for
 * somebody who is elsewhere. Throws `invalid_request`.
 */
export function assertClaims(
  _ctx: unknown,
  claims: { readonly id_token?: unknown; readonly userinfo?: unknown },
): void {
  for (const asked of [claims.id_token, claims.userinfo].flatMap((section) => Object.values(section ?? {}))) {
    // OpenID Connect Core §5.5.1: null, or what is asked of the claim.
    if (typeof asked !== 'object' || Array.isArray(asked)) {
      throw new errors.InvalidRequest('each claim should be null or an object');
    }
  }
  acrClaim(JSON.stringify(claims));
}

/** Whether the request asks for a second factor, and would not do with a password alone (RFC 9470 §4). */
export function asksForSecondFactor(params: Readonly<Record<string, unknown>>): boolean {
  const { values } = askedAcr(params);
  return values.includes(multiFactor) && !values.includes(singleFactor);
}

/**
 * Whether a person whose session has reached `acr` owes a second factor. Asked by the engine before anything is handed
 * out, so that no route leaves the step out: not a session from before the rule, another tab, or `prompt=none`. A
 * remembered browser proves nothing: who asks for a second factor is never content with it.
 */
export async function owesSecondFactor(
  rule: AssuranceRule,
  { ctx, accountId, acr, asked }: { ctx: Context; accountId: string; acr: string | undefined; asked: boolean },
): Promise<boolean> {
  if (acr === multiFactor) return false;
  const policy = await rule.mfaPolicies.of(accountId);
  if (policy === 'off') return false;
  if (policy === 'required' || asked) return true;
  return (await rule.hasSecondFactor(accountId)) && !(await rule.isRemembered(ctx, accountId));
}

/** Whether what was issued to a person at this assurance may still yield tokens. A refresh must not outlive a rule that they are held to. */
export const mayYieldTokens = (
  { mfaPolicies }: Pick<AssuranceRule, 'mfaPolicies'>,
  { roles }: Pick<User, 'roles'>,
  acr: string | undefined,
): boolean => acr === multiFactor || mfaPolicies.forRoles(roles) !== 'required';

/** Puts the rule into the engine's policy, in place of the library's own checks of `acr`. */
export function addAssurance(policy: interactionPolicy.DefaultPolicy, rule: AssuranceRule): void {
  const checks = policy.get('login')?.checks;
  if (!checks) throw new TypeError('oidc-provider has no login prompt');
  // They ask for equality: a person with two factors would be asked for one for ever.
  checks.remove('essential_acrs');
  checks.remove('essential_acr');
  const ask = async (ctx: KoaContextWithOIDC): Promise<boolean> => {
    const { oidc } = ctx;
    const params = oidc.params ?? {};
    const asked = askedAcr(params);
    const { accountId, acr } = oidc.session ?? {};
    const policy = accountId === undefined ? rule.mfaPolicies.strictest() : await rule.mfaPolicies.of(accountId);
    if (isUnmet(policy, asked)) {
      throw new errors.UnmetAuthenticationRequirements('none of the requested ACRs can be reached here');
    }
    if (accountId === undefined) return false;
    return owesSecondFactor(rule, { ctx, accountId, acr, asked: asksForSecondFactor(params) });
  };
  checks.add(new interactionPolicy.Check(secondFactorReason, 'a second factor is needed', 'login_required', ask));
}

/** An app that cannot do without what nobody can reach is told so; its people would be asked again and again. */
const isUnmet = (policy: Policy, { values, essential }: AskedAcr): boolean =>
  essential && values.length > 0 && !assurances(policy).some((acr) => values.includes(acr));
