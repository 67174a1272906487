import type { ClientRecord } from './client.ts';

const prefix = 'upstream_tokens:';

/** The scope by which an app asks for a person's tokens at another provider. */
export const upstreamScope = (provider: string): string => prefix + provider;

/** The provider whose tokens a scope asks for; none for other scopes. */
export const upstreamOf = (scope: string): string | undefined =>
  isUpstreamScope(scope) ? scope.slice(prefix.length) : undefined;

/** Whether a scope asks for tokens of another provider. */
export const isUpstreamScope = (scope: string): boolean => scope.startsWith(prefix);

/** Those that a client may ask for: the ones that an operator has named, and no others. */
export const upstreamScopesOf = ({ metadata }: Pick<ClientRecord, 'metadata'>): string[] =>
  (metadata.upstream_tokens ?? []).map(upstreamScope);
