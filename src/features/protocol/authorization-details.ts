import { isDeepStrictEqual } from 'node:util';
import { errors, type Grant, type KoaContextWithOIDC } from 'oidc-provider';
import { type Clients, type DetailTypeOfApi, detailProblem } from '../clients/module.ts';

/** What a client asks for in detail, such as one payment (RFC 9396 §2). */
export interface AuthorizationDetail {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** In characters: a person shall be able to read what they allow. */
const longest = 16 * 1024;

/** How many details a grant holds, the newest: those of its tokens are in the tokens. */
const heldDetails = 50;

function refused(description: string): Error {
  const error = new errors.InvalidAuthorizationDetails(description);
  error.error_description = description;
  return error;
}

/**
 * Rich authorization requests (RFC 9396): the kinds that APIs declare, each detail judged by its schema. A kind belongs to
 * one API, and tokens for that API carry it; a client has only the kinds that it was given.
 */
export function richAuthorizationRequests(clients: Clients) {
  const types = clients.detailTypes().map((known) => [known.type, { validate: validator(known) }] as const);
  return {
    enabled: true as const,
    types: Object.fromEntries(types),
    authorizationDetailsForGrantSource: (ctx: KoaContextWithOIDC) =>
      listed(sharedDetails(detailsAsked(ctx), detailsHeld(ctx.oidc.grant))),
    authorizationDetailsForAccessToken: (ctx: KoaContextWithOIDC, token: object, source?: object) =>
      listed(detailsForToken(ctx, { clients, token, source })),
    authorizationDetailsForIntrospection: (_ctx: unknown, token: object) => listed(detailsHeld(token)),
  };
}

/** What the library keeps of details in a grant, code or token. */
interface Holder {
  readonly rar?: readonly AuthorizationDetail[];
}

interface TokenForApi {
  readonly resourceServer?: { readonly audience?: string };
}

/** The library takes nothing for an empty list. */
const listed = (details: readonly AuthorizationDetail[]) => (details.length === 0 ? undefined : [...details]);

/** Judges one detail, and sees to it that the request names the API (RFC 8707) that the detail is for. */
function validator(known: DetailTypeOfApi) {
  return (ctx: KoaContextWithOIDC, detail: AuthorizationDetail): void => {
    const params = ctx.oidc.params ?? {};
    if (String(params['authorization_details']).length > longest) throw refused('authorization_details is too long');
    const problem = detailProblem(known, detail);
    if (problem !== undefined) throw refused(`a detail of type '${known.type}' differs from its schema: ${problem}`);
    const named = [params['resource'] ?? []].flat();
    if (named.length === 0) params['resource'] = known.resource;
    else if (!named.includes(known.resource)) {
      throw refused(`details of type '${known.type}' are for another resource: name ${known.resource}`);
    }
  };
}

/** The details that a request names, once the library has found that they can be read. */
export function detailsAsked({ oidc }: KoaContextWithOIDC): AuthorizationDetail[] {
  const text = oidc.params?.['authorization_details'];
  return typeof text === 'string' ? (JSON.parse(text) as AuthorizationDetail[]) : [];
}

/** What a grant, code or token holds. */
export const detailsHeld = (holder: object | undefined): readonly AuthorizationDetail[] =>
  (holder as Holder | undefined)?.rar ?? [];

/** Whether one of them is the very same detail: another amount is another payment. */
const includes = (details: readonly AuthorizationDetail[], wanted: AuthorizationDetail): boolean =>
  details.some((detail) => isDeepStrictEqual(detail, wanted));

/** Those of the one list that are in the other as well. */
export const sharedDetails = (
  wanted: readonly AuthorizationDetail[],
  allowed: readonly AuthorizationDetail[],
): AuthorizationDetail[] => wanted.filter((detail) => includes(allowed, detail));

/** Those that one or the other list has, each once, the newest at the end. */
export const joinDetails = (
  one: readonly AuthorizationDetail[],
  other: readonly AuthorizationDetail[],
): AuthorizationDetail[] => [...one.filter((detail) => !includes(other, detail)), ...other];

/** What is asked for and not allowed. */
export function detailsMissing(ctx: KoaContextWithOIDC): AuthorizationDetail[] {
  const held = detailsHeld(ctx.oidc.grant);
  return detailsAsked(ctx).filter((detail) => !includes(held, detail));
}

/** Lets a grant hold these as well. */
export function addDetails(grant: Grant, details: readonly AuthorizationDetail[]): void {
  if (details.length === 0) return;
  (grant as { rar?: AuthorizationDetail[] }).rar = joinDetails(detailsHeld(grant), details).slice(-heldDetails);
}

interface Making {
  readonly clients: Clients;
  readonly token: object;
  /** The code or refresh token; absent where a client asks for itself. */
  readonly source: object | undefined;
}

/**
 * What an access token carries (RFC 9396 §7): what was granted, or the part of it that this request names, as far as it
 * is for the token's API and the client still has its kind. A client that asks for itself is granted what it may ask for.
 */
function detailsForToken(ctx: KoaContextWithOIDC, { clients, token, source }: Making): AuthorizationDetail[] {
  const asked = detailsAsked(ctx);
  const granted = source === undefined ? asked : detailsHeld(source);
  if (asked.some((detail) => !includes(granted, detail))) {
    throw refused('authorization_details go beyond what was granted');
  }
  const api = (token as TokenForApi).resourceServer?.audience;
  const own = clients.find(ctx.oidc.client?.clientId ?? '')?.metadata.authorization_details_types ?? [];
  const isFor = ({ type }: AuthorizationDetail) =>
    api !== undefined && own.includes(type) && clients.findDetailType(type)?.resource === api;
  return (asked.length > 0 ? asked : granted).filter(isFor);
}
