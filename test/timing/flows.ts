import type { Answer, Call, Caller } from './caller.ts';
import { cookiesOf, locationOf } from './caller.ts';

/** A form that takes an address, and must not tell whether it has an account. */
export interface Flow {
  readonly name: string;
  /** Opens it. What it resolves to is the request that asks for one address. */
  open(caller: Caller): Promise<(email: string) => Call>;
}

/** All of them are offered. */
export const settings = { registration: { mode: 'open' }, signIn: { email: 'code' } } as const;

/** The client that the flows come from. */
export const client = {
  client_id: 'timing',
  token_endpoint_auth_method: 'none' as const,
  redirect_uris: ['https://app.example/callback'],
};

const query = new URLSearchParams({
  client_id: client.client_id,
  response_type: 'code',
  scope: 'openid',
  redirect_uri: 'https://app.example/callback',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
});

/** A sign-in that an app has asked for. */
async function interaction(caller: Caller): Promise<{ path: string; cookies: string }> {
  const answer = await caller.send({ path: `/authorize?${query}` });
  return { path: new URL(locationOf(answer), 'http://x').pathname, cookies: cookiesOf(answer) };
}

export const flows: readonly Flow[] = [
  {
    name: 'sign-in',
    async open(caller) {
      const { path, cookies } = await interaction(caller);
      const form = (login: string) => ({ login, password: 'not the right password' });
      return (email) => ({ path: `${path}/sign-in`, cookies, form: form(email) });
    },
  },
  {
    name: 'forgotten password',
    async open(caller) {
      const { path, cookies } = await interaction(caller);
      return (email) => ({ path: `${path}/forgot`, cookies, form: { email } });
    },
  },
  {
    name: 'e-mail code',
    async open(caller) {
      const { path, cookies } = await interaction(caller);
      return (email) => ({ path: `${path}/email`, cookies, form: { email } });
    },
  },
  {
    name: 'registration',
    async open(caller) {
      const { path, cookies } = await interaction(caller);
      const form = (email: string) => ({ email, password: 'a lighthouse keeper at dawn' });
      return (email) => ({ path: `${path}/register`, cookies, form: form(email) });
    },
  },
];

/** Addresses of one length: what a page repeats of it must not make the difference. */
export const known = (index: number): string => `known-${String(index).padStart(6, '0')}@example.org`;
export const unknown = (index: number): string => `other-${String(index).padStart(6, '0')}@example.org`;

/**
 * Everything of an answer that somebody could compare, without what differs between any two: the address that was
 * typed, the time, the request's id, and what is random in cookies, whose length stays.
 */
export function comparable({ status, headers, body }: Answer, email: string): string {
  const told = headers.map(([name, value]) => {
    const lower = name.toLowerCase();
    if (lower === 'date') return name;
    if (lower === 'x-request-id') return `${name}: ${value.length}`;
    return `${name}: ${lower === 'set-cookie' ? value.replace(/=[^;]*/, (secret) => `=${secret.length}`) : value}`;
  });
  return [status, ...told, withoutChallenges(body).replaceAll(email, 'ADDRESS')].join('\n');
}

/** A page that offers passkeys brings a new challenge each time, of the same length, whoever asks for it. */
export const withoutChallenges = (html: string): string =>
  html
    .replaceAll(/(name="challenge" value=)"[^"]*"/g, '$1"CHALLENGE"')
    .replaceAll(/(&quot;challenge&quot;:)&quot;[\w-]*&quot;/g, '$1CHALLENGE');
