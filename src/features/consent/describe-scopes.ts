import type { ConsentScope } from '../../foundation/views/pages.ts';
import { type Clients, isUpstreamScope, sentenceOf, upstreamOf } from '../clients/module.ts';
import { type AuthorizationDetail, claimsOf, type Interaction } from '../protocol/module.ts';
import type { User } from '../users/module.ts';

/** What each standard scope hands over, as far as the account has it. */
const shownClaims: Readonly<Record<string, readonly string[]>> = {
  profile: ['name', 'preferred_username', 'birthdate'],
  email: ['email'],
  phone: ['phone_number'],
};

export interface DescribeParts {
  readonly clients: Clients;
  /** Other identity providers, by the name that operators call them. */
  readonly providers: { find(name: string): { readonly title: string } | undefined };
}

/**
 * What the person is asked to allow, as the page lists it: first who they are, then the scopes of APIs. Single claims
 * that no scope covers are listed by name. An app that asks again for what it was allowed before gets all of it shown.
 */
export function describeScopes(
  { missing, requested }: Pick<Interaction, 'missing' | 'requested'>,
  user: User,
  { clients, providers }: DescribeParts,
): ConsentScope[] {
  const claims = claimsOf(user);
  const claimValue = (name: string) => (typeof claims[name] === 'string' ? [claims[name]] : []);
  const own = (name: string) => ({ name, shows: (shownClaims[name] ?? []).flatMap(claimValue) });
  const asked = missing.claims.map((name) => ({ name, shows: claimValue(name) }));
  const ofApis = Object.entries(missing.resources).flatMap(([resource, names]) =>
    names.map((name) => ({ name, description: descriptionOf(clients, resource, name) })),
  );
  const upstream = (names: readonly string[]) => ofProviders(providers, names);
  const isOwn = (name: string) => !isUpstreamScope(name);
  const listed = [...missing.scopes.filter(isOwn).map(own), ...upstream(missing.scopes), ...asked, ...ofApis];
  const others = requested.filter(isOwn).map((name) => ({ ...own(name), description: ofAnyApi(clients, name) }));
  const all = [...others, ...upstream(requested)];
  const seen = new Set<string>();
  const details = missing.details.map((detail) => sayDetail(clients, detail));
  const isAsked = listed.length + details.length > 0;
  return [...details, ...(isAsked ? listed : all).filter(({ name }) => !seen.has(name) && seen.add(name))];
}

/** One detail in the words of the API that it is for (RFC 9396). A kind that the API had formerly says its name only. */
function sayDetail(clients: Clients, detail: AuthorizationDetail): ConsentScope {
  const known = clients.findDetailType(detail.type);
  return { name: detail.type, sentence: known ? sentenceOf(known, detail) : detail.type };
}

/** What may be done in the person's name elsewhere, with the names of where. */
function ofProviders(providers: DescribeParts['providers'], scopes: readonly string[]): ConsentScope[] {
  const names = scopes.map(upstreamOf).filter((name) => name !== undefined);
  const shows = names.map((name) => providers.find(name)?.title ?? name);
  return shows.length === 0 ? [] : [{ name: 'upstream_tokens', shows }];
}

const descriptionOf = (clients: Clients, resource: string, name: string): string | undefined =>
  clients.findResource(resource)?.scopes.find((scope) => scope.name === name)?.description;

const ofAnyApi = (clients: Clients, name: string): string | undefined =>
  clients.scopes().find((scope) => scope.name === name)?.description;
