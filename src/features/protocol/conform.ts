import type { EventEmitter } from 'node:events';
import { errors, Provider } from 'oidc-provider';

interface ClientModel {
  readonly prototype: {
    grantTypeAllowed(type: string): boolean;
    responseTypeAllowed(type: string): boolean;
  };
}

/** Where the library answers otherwise than a clause of a specification says, and nothing else would hold it. */
export function conform(provider: Provider): void {
  nameUnauthorized(provider.Client as unknown as ClientModel);
  forgetNonce(provider.RefreshToken);
  nameIssuer(provider);
}

/** What a request asks to be granted, by the endpoint that it came to. */
const askedGrant: Readonly<Record<string, (params: Readonly<Record<string, unknown>>) => unknown>> = {
  token: (params) => params['grant_type'],
  backchannel_authentication: () => 'urn:openid:params:grant-type:ciba',
  device_authorization: () => 'urn:ietf:params:oauth:grant-type:device_code',
};

/** RFC 6749 §4.1.2.1, §5.2: `unauthorized_client` for a grant or response type that is not the client's. */
function nameUnauthorized({ prototype }: ClientModel): void {
  const { grantTypeAllowed, responseTypeAllowed } = prototype;
  prototype.grantTypeAllowed = function named(type) {
    const isAllowed = grantTypeAllowed.call(this, type);
    const { route = '', params = {} } = Provider.ctx?.oidc ?? {};
    // The library asks whether a client may refresh where nobody asked for that as well.
    if (!isAllowed && askedGrant[route]?.(params) === type) throw unauthorized('grant type');
    return isAllowed;
  };
  prototype.responseTypeAllowed = function named(type) {
    if (responseTypeAllowed.call(this, type)) return true;
    throw unauthorized('response_type');
  };
}

const unauthorized = (what: string): Error =>
  new errors.UnauthorizedClient(`requested ${what} is not allowed for this client`);

/** OpenID Connect Core §12.2: an ID token that comes with a refresh has no nonce: it answers no authorization request. */
function forgetNonce(model: object): void {
  const stored = (model as { readonly IN_PAYLOAD: readonly string[] }).IN_PAYLOAD.filter((name) => name !== 'nonce');
  Object.defineProperty(model, 'IN_PAYLOAD', { value: stored });
}

/** RFC 9207 §2: in every answer, also where an ID token says so already, for clients that look in one place (mix-up). */
function nameIssuer(provider: Provider): void {
  (provider as EventEmitter).on('authorization.success', (_ctx: unknown, answer?: Answer) => {
    if (answer?.id_token !== undefined) answer.iss = provider.issuer;
  });
}

/** What the browser is about to take back to the app; none where a device waits for it. */
interface Answer {
  readonly id_token?: string;
  iss?: string;
}
