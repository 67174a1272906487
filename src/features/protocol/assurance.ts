import type { Context } from 'koa';
import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import type { Settings } from '../settings/module.ts';

/** The assurance of a password alone. Published, and told truthfully in `acr`. */
export const singleFactor = 'urn:postern:acr:1fa';
/** The assurance of a password and a second factor. */
export const multiFactor = 'urn:postern:acr:2fa';

/** Why the engine asks people who are signed in for more. */
export const secondFactorReason = 'second_factor';

/** Who needs a second factor. */
export interface AssuranceRule {
  readonly settings: () => { readonly mfa: Pick<Settings['mfa'], 'policy'> };
  readonly hasSecondFactor: (accountId: string) => Promise<boolean>;
  /** Whether the person has said that this browser may go without. */
  readonly isRemembered: (ctx: Context, accountId: string) => Promise<boolean>;
}

/** What this server can vouch for: with second factors switched off it promises none. */
export const assurances = ({ settings }: Pick<AssuranceRule, 'settings'>): string[] =>
  settings().mfa.policy === 'off' ? [singleFactor] : [singleFactor, multiFactor];

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
  const { policy } = rule.settings().mfa;
  if (policy === 'off' || acr === multiFactor) return false;
  if (policy === 'required' || asked) return true;
  return (await rule.hasSecondFactor(accountId)) && !(await rule.isRemembered(ctx, accountId));
}

/** Whether what was issued at this assurance may still yield tokens. A refresh must not outlive a rule that everybody is held to. */
export const mayYieldTokens = ({ settings }: AssuranceRule, acr: string | undefined): boolean =>
  settings().mfa.policy !== 'required' || acr === multiFactor;

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
    if (isUnmet(rule, asked)) {
      throw new errors.UnmetAuthenticationRequirements('none of the requested ACRs can be reached here');
    }
    const { accountId, acr } = oidc.session ?? {};
    if (accountId === undefined) return false;
    return owesSecondFactor(rule, { ctx, accountId, acr, asked: asksForSecondFactor(params) });
  };
  checks.add(new interactionPolicy.Check(secondFactorReason, 'a second factor is needed', 'login_required', ask));
}

/** An app that cannot do without what nobody can reach is told so; its people would be asked again and again. */
const isUnmet = (rule: AssuranceRule, { values, essential }: AskedAcr): boolean =>
  essential && values.length > 0 && !assurances(rule).some((acr) => values.includes(acr));
