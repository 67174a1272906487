import type { Arrival } from './arrival.ts';
import type { Provider } from './provider.ts';
import type { Json } from './providers/preset.ts';

const lower = (values: readonly unknown[]): string[] =>
  values.filter((value) => typeof value === 'string').map((value) => value.toLowerCase());

const shares = (wanted: readonly string[] | undefined, has: readonly unknown[]): boolean => {
  if (wanted === undefined) return true;
  const found = lower(has);
  return lower(wanted).some((one) => found.includes(one));
};

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/**
 * Whether somebody meets all that the operator asks for. Google's `hd` counts only as a claim, never by the address:
 * anybody can have a Google account with an address of a domain that is not in Workspace.
 */
export function meetsRequirements(provider: Provider, { email, isEmailVerified }: Arrival, json: Json): boolean {
  const { hd, tid, organizations, teams, domains } = provider.definition.policy.require;
  const domain = isEmailVerified && email !== undefined ? [email.slice(email.lastIndexOf('@') + 1)] : [];
  return (
    shares(hd, [json['hd']]) &&
    shares(tid, [json['tid']]) &&
    shares(organizations, listOf(json['organizations'])) &&
    shares(teams, listOf(json['teams'])) &&
    shares(domains, domain)
  );
}
