import type { Call, Endpoint, Handler, Reply } from './dialect.ts';
import type { Provider } from './provider.ts';

/** Where the stand-in's own page sends the person's choice. */
export const asksPage = '/stand-in/choose';

const escaped = (value: string): string =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

/** A page with a button for each person and one that refuses, for a browser that somebody (or Playwright) sits at. */
function question(request: URLSearchParams, provider: Provider): Reply {
  const hidden = `<input type="hidden" name="request" value="${escaped(request.toString())}">`;
  const people = [...provider.people.values()].map(
    ({ sub, name }) =>
      `<p><button name="person" value="${escaped(sub)}" id="person-${sub}">${escaped(name ?? sub)}</button>`,
  );
  const deny = '<p><button name="deny" value="1" id="upstream-deny">Cancel</button>';
  const form = `<form method="post" action="${asksPage}">${hidden}${people.join('')}${deny}</form>`;
  return { body: page('Who are you?', form) };
}

const page = (title: string, content: string): string =>
  `<!doctype html><html lang="en"><title>${title}</title><link rel="icon" href="data:,"><h1>${title}</h1>${content}</html>`;

/** Sends the answer back through the browser, in the query or, by `response_mode=form_post`, as a form. */
function sendBack(request: URLSearchParams, answer: Record<string, string>): Reply {
  const target = request.get('redirect_uri') ?? '';
  if (request.get('response_mode') === 'form_post') return { body: formPost(target, answer) };
  const url = new URL(target);
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value);
  return { status: 302, headers: { location: url.href } };
}

/** OAuth 2.0 Form Post Response Mode: sent by script, or by its button where scripts are off. */
function formPost(target: string, answer: Record<string, string>): string {
  const fields = Object.entries(answer).map(
    ([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">`,
  );
  const button = '<button type="submit" id="form-post">Continue</button>';
  const form = `<form method="post" action="${escaped(target)}">${fields.join('')}${button}</form>`;
  return page('Back to the app', `${form}<script>document.forms[0].submit()</script>`);
}

function authorization(call: Call, provider: Provider): Reply {
  const request = call.method === 'POST' ? call.form : call.url.searchParams;
  const refusal = provider.refusal(request);
  if (refusal !== undefined) return { status: 400, body: page('Error 400', escaped(refusal)) };
  if (provider.options.asks) {
    if (request.get('prompt') === 'none') return sendBack(request, { error: 'login_required', ...stateOf(request) });
    return question(request, provider);
  }
  return sendBack(request, provider.decide(request, provider.chosen));
}

function stateOf(request: URLSearchParams): { state?: string } {
  const state = request.get('state');
  return state === null ? {} : { state };
}

/** The answer to the stand-in's own page. */
function asked(call: Call, provider: Provider): Reply {
  const request = new URLSearchParams(call.form.get('request') ?? '');
  const refusal = provider.refusal(request);
  if (refusal !== undefined) return { status: 400, body: escaped(refusal) };
  return sendBack(request, provider.decide(request, call.form.get('person') ?? undefined));
}

async function token(call: Call, provider: Provider): Promise<Reply> {
  const tokens = await provider.exchange(call);
  return provider.dialect.tokenReply?.(tokens, call) ?? { body: tokens };
}

/** Nobody without a token that holds (RFC 6750 §3.1). */
export function withBearer(call: Call, provider: Provider, answer: (grant: NonNullable<Bearer>) => Reply): Reply {
  const grant = provider.bearer(call);
  if (grant) return answer(grant);
  const headers = { 'www-authenticate': 'Bearer error="invalid_token"' };
  return { status: 401, headers, ...(provider.dialect.badToken ?? { body: { error: 'invalid_token' } }) };
}

type Bearer = ReturnType<Provider['bearer']>;

const userinfo: Handler = (call, provider) =>
  withBearer(call, provider, (grant) => ({ body: provider.profileOf(grant) }));

/** OpenID Connect Discovery §3. */
const discovery: Handler = (_call, provider) => {
  const { options } = provider;
  const address = (endpoint: Endpoint): string | undefined => provider.address(endpoint);
  return {
    body: {
      issuer: provider.issuer,
      authorization_endpoint: address('authorization'),
      token_endpoint: address('token'),
      userinfo_endpoint: address('userinfo'),
      jwks_uri: address('jwks'),
      end_session_endpoint: address('endSession'),
      revocation_endpoint: address('revocation'),
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: ['openid', 'email', 'profile'],
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      code_challenge_methods_supported: ['S256'],
      ...(options.sendsIssuer ? { authorization_response_iss_parameter_supported: true } : {}),
      ...provider.dialect.metadata?.(provider),
    },
  };
};

/** OpenID Connect RP-Initiated Logout §2 and §3: back to where the client asked, with its state. */
const endSession: Handler = (call) => {
  const target = call.url.searchParams.get('post_logout_redirect_uri');
  if (target === null) return { body: page('You are signed out', '') };
  const url = new URL(target);
  const { state } = stateOf(call.url.searchParams);
  if (state !== undefined) url.searchParams.set('state', state);
  return { status: 302, headers: { location: url.href } };
};

/** RFC 7009 §2.2: an unknown token is no error. */
const revocation: Handler = (call, provider) => {
  provider.revoke(call.form.get('token') ?? '');
  return { body: {} };
};

/** What every endpoint does unless its dialect says otherwise. */
export const standardHandlers: {
  readonly asked: (call: Call, provider: Provider) => Reply;
  readonly endpoints: Readonly<Partial<Record<Endpoint, Handler>>>;
} = {
  asked,
  endpoints: {
    discovery,
    authorization,
    token,
    userinfo,
    jwks: (_call, provider) => ({ body: provider.keys.published() }),
    endSession,
    revocation,
  },
};
