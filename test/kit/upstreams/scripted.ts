import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Call, Dialect } from './dialect.ts';
import type { Keys } from './keys.ts';
import { standardHandlers } from './standard.ts';
import { openUpstream } from './upstream.ts';

type Claims = Record<string, unknown>;

/** What the stand-in is to say of somebody, right or wrong. */
export interface Behaviour {
  /** Claims of the ID token, beside those that the protocol needs. */
  claims: Claims;
  /** In place of what UserInfo would say. */
  userinfo: Claims | undefined;
  /** Changes the token's claims before they are signed. */
  forge: (claims: Claims) => Claims;
  /** Makes the token of its claims. */
  signToken: (claims: Claims) => string;
  /** Changes the metadata. */
  metadata: (metadata: Claims) => Claims;
  /** Answers in place of the stand-in; true where it did. */
  interfere: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Added to what goes back to the callback. */
  answer: Record<string, string>;
}

/** An OpenID provider of one person: what it says is up to the test, how it says it is up to the protocol. */
export interface Scripted {
  readonly issuer: string;
  readonly behave: Behaviour;
  /** Paths that were asked for, with their forms. */
  readonly asked: readonly (Pick<Call, 'form' | 'headers'> & { readonly path: string })[];
  /** Where the provider's page would send a person who agrees. */
  agree(authorizationUrl: string): string;
  /** Forgets what was set, and what was asked. */
  reset(): void;
  rotate(): void;
  /** Makes tokens, by its keys and in other ways. */
  readonly keys: Keys;
  stop(): Promise<void>;
}

/** Starts it. Whoever has its pages answers for its person, as any client. */
export async function startScripted(): Promise<Scripted> {
  const fresh = (): Behaviour => ({
    claims: { sub: 'person-1', email: 'ada@upstream.example', email_verified: true, name: 'Ada' },
    userinfo: undefined,
    forge: (claims) => claims,
    signToken: (claims) => upstream.keys.signAs(claims),
    metadata: (metadata) => metadata,
    interfere: () => false,
    answer: {},
  });
  const behave = {} as Behaviour;
  const upstream = await openUpstream(dialectOf(behave), {
    sendsIssuer: true,
    interfere: (request, response) => behave.interfere(request, response),
  });
  Object.assign(behave, fresh());
  upstream.addPerson({ sub: 'person-1' });
  return {
    issuer: upstream.issuer,
    behave,
    get asked() {
      return upstream.requests.map(({ url, form, headers }) => ({ path: url.pathname, form, headers }));
    },
    agree: (authorizationUrl) => upstream.answerTo(authorizationUrl),
    reset() {
      Object.assign(behave, fresh());
      upstream.requests.length = 0;
    },
    rotate: () => upstream.rotateKeys({ dropFormer: true }),
    keys: upstream.keys,
    stop: () => upstream.stop(),
  };
}

/** Says in the standard's ways what it is told to say. */
const dialectOf = (behave: Behaviour): Dialect => ({
  issuerPath: '',
  paths: {
    discovery: '/.well-known/openid-configuration',
    authorization: '/authorize',
    token: '/token',
    userinfo: '/userinfo',
    jwks: '/jwks',
  },
  handlers: {
    async discovery(call, provider) {
      const { body } = (await standardHandlers.endpoints.discovery?.(call, provider)) ?? {};
      return { body: behave.metadata(body as Claims) };
    },
  },
  // Registered under several names at once: whoever asks is the one who is meant.
  provesClient: () => true,
  idTokenLifetime: 300,
  idTokenClaims: ({ request }) => ({ aud: request.get('client_id'), ...behave.claims }),
  signs: (claims) => behave.signToken(behave.forge(claims)),
  profile: () => behave.userinfo ?? behave.claims,
  redirectExtras: () => behave.answer,
});
