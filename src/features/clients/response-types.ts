/**
 * What the authorization endpoint may answer with. All but `code` hand tokens through the browser's address bar, where
 * they leak (RFC 9700 §2.1.2): they are off unless an operator gives them to a client that can do no better.
 */
export const responseTypes = [
  'code',
  'id_token',
  'id_token token',
  'code id_token',
  'code token',
  'code id_token token',
] as const;
export type ResponseType = (typeof responseTypes)[number];

/** How answers may reach a client; those with `jwt` are signed (JARM). */
export const responseModes = [
  'query',
  'form_post',
  'fragment',
  'jwt',
  'query.jwt',
  'form_post.jwt',
  'fragment.jwt',
] as const;

/** Whether tokens come by the browser: the implicit and hybrid flows (OpenID Connect Core §3.2, §3.3). */
export const usesFrontChannel = (types: readonly ResponseType[]): boolean => types.some((type) => type !== 'code');

interface Asked {
  readonly application_type: 'web' | 'native';
  readonly grant_types: readonly string[];
  readonly redirect_uris: readonly string[];
  readonly response_types?: readonly ResponseType[] | undefined;
}

type Problem = readonly [field: 'grant_types' | 'redirect_uris' | 'response_types', message: string];

/** What does not go together with the response types. */
export function responseTypeProblems(client: Asked): Problem[] {
  const { response_types: types, grant_types: grants } = client;
  const front = usesFrontChannel(types ?? []);
  const givesCodes = types?.some((type) => type.startsWith('code')) ?? grants.includes('authorization_code');
  const problems: Problem[] = [];
  if (grants.includes('implicit') && !front) {
    problems.push(['grant_types', 'implicit needs response_types with id_token or token']);
  }
  if (givesCodes !== grants.includes('authorization_code')) {
    problems.push(['response_types', 'code and the grant type authorization_code need each other']);
  }
  // OpenID Connect Registration §2: tokens in a fragment would pass in the clear, or to whoever listens there.
  const isPlain = (uri: string) => !uri.startsWith('https:') || URL.parse(uri)?.hostname === 'localhost';
  if (front && client.application_type === 'web' && client.redirect_uris.some(isPlain)) {
    problems.push(['redirect_uris', 'must use https, and not localhost, for implicit and hybrid flows']);
  }
  return problems;
}
