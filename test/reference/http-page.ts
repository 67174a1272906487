import Router from '@koa/router';
import { mountPages } from '../../src/app/page-routes.ts';
import { createAccount } from '../../src/features/account/module.ts';
import { createAddresses } from '../../src/features/addresses/module.ts';
import { createConsent } from '../../src/features/consent/module.ts';
import { createConsole } from '../../src/features/console/module.ts';
import { createDeletions } from '../../src/features/deletions/module.ts';
import { createEmailSignIns } from '../../src/features/email-sign-in/module.ts';
import { createFederation } from '../../src/features/federation/module.ts';
import { createMfaPages } from '../../src/features/mfa/module.ts';
import { createPasskeyPages } from '../../src/features/passkeys/module.ts';
import { createPasswordPages } from '../../src/features/passwords/module.ts';
import { machineEndpoints, publicDocuments, routes } from '../../src/features/protocol/module.ts';
import { createRecovery } from '../../src/features/recovery/module.ts';
import { createRegistrations } from '../../src/features/registration/module.ts';
import { createSafeguards } from '../../src/features/safeguards/module.ts';
import { createSetUp } from '../../src/features/set-up/module.ts';
import { createSignIn } from '../../src/features/sign-in/module.ts';
import { code, generatedFrom, page, table } from './markdown.ts';

/** What each route is for, by method and path. A route without a word here fails the test. */
export const routeMeanings: Readonly<Record<string, string>> = {
  'GET /': 'What this is; for an administrator also the apps and "Connect your first app".',
  'POST /sign-out': 'Ends this browser’s session.',
  'POST /apps': 'Registers an app, for administrators.',
  'GET /forgot': 'Asks for the address of somebody who has forgotten the password.',
  'POST /forgot': 'Has a link sent, if the address has an account; the answer is the same for all.',
  'GET /interaction/:uid/forgot': 'The same within a sign-in, to which it leads back.',
  'POST /interaction/:uid/forgot': 'The same within a sign-in.',
  'GET /.well-known/change-password': 'Leads password managers to where a password is set.',
  'GET /.well-known/webauthn': 'Origins whose pages may use the passkeys of this host (WebAuthn §5.11), as JSON.',
  'GET /.well-known/passkey-endpoints': 'Where people add passkeys and look after them (W3C), as JSON.',
  'GET /reset': 'The page of a reset link.',
  'POST /reset': 'Sets the password, ends sessions and tokens, and uses the link up.',
  'GET /reset/done': 'Says so, and leads back to the app.',
  'GET /account': 'Second factors, password and sign-ins of the person of this browser.',
  'POST /account/password': 'Changes the password; other sign-ins of the person end.',
  'POST /account/sessions/end': 'Ends one sign-in of the person.',
  'POST /account/sessions/end-all': 'Ends every sign-in, grant and token of the person.',
  'GET /account/authenticator': 'A new authenticator app, after a fresh sign-in.',
  'POST /account/authenticator': 'Takes the first code of a new app and shows the recovery codes.',
  'POST /account/authenticator/remove': 'Asks for a code or a passkey and removes the app with it.',
  'GET /account/passkeys/add': 'Leads to where passkeys are added, after a fresh sign-in.',
  'POST /account/passkeys': 'Takes a new passkey; with the first factor it shows the recovery codes.',
  'POST /account/passkeys/rename': 'Gives a passkey another name.',
  'POST /account/passkeys/remove': 'Asks for a code or a passkey and removes a passkey with it.',
  'POST /account/recovery-codes': 'New recovery codes in place of the former ones.',
  'POST /account/apps/disconnect': 'Ends what an app holds of the person, and tells it.',
  'POST /account/export': 'Everything that is held on the person, as a JSON file, after a fresh sign-in.',
  'GET /account/delete': 'What deleting the account means, after a fresh sign-in.',
  'POST /account/delete': 'Refuses the person from now on; the account is erased when its grace is over.',
  'GET /account/undelete': 'Shows the link that calls a deletion off, while it works.',
  'POST /account/undelete': 'Calls the deletion off and uses the link up.',
  'GET /account/undelete/done': 'Says that the account stays.',
  'GET /account/activity': 'What happened with the account of the person; `before` pages on.',
  'GET /account/approvals': 'What apps ask for that the person is not in front of (CIBA).',
  'POST /account/approvals/allow': 'Allows one of them; needs a fresh sign-in.',
  'POST /account/approvals/deny': 'Declines one of them.',
  'GET /account/profile': 'What the person says about themselves.',
  'POST /account/profile': 'Changes it.',
  'GET /account/email': 'The form for another address, after a fresh sign-in.',
  'POST /account/email': 'Has a link sent to the new address; the answer is the same for all.',
  'GET /email/confirm': 'Shows the link that confirms a new address, while it works.',
  'POST /email/confirm': 'Makes the new address the account’s and uses the link up.',
  'GET /email/undo': 'Shows the link that takes a change of address back, while it works.',
  'POST /email/undo': 'Restores the former address, throws out whoever changed it, and uses the link up.',
  'GET /email/done': 'Says that the address is changed, or restored.',
  'GET /register': 'The form for an account, where people may register.',
  'POST /register': 'Has a mail sent to the address; the answer is the same for all.',
  'GET /interaction/:uid/register': 'The same within a sign-in, to which it leads back.',
  'POST /interaction/:uid/register': 'The same within a sign-in.',
  'POST /account/devices/forget': 'Lets a browser skip the second step no longer.',
  'GET /not-me': 'The page of the link by which a person says that a sign-in was not theirs.',
  'POST /not-me': 'Ends every session and token, uses the link up, and leads on to a new password.',
  'GET /unlock': 'The page of the link that opens a locked account.',
  'POST /unlock': 'Opens it and uses the link up.',
  'GET /unlock/done': 'Says so.',
  'GET /register/confirm': 'The page of the link that confirms an address.',
  'POST /register/confirm': 'Makes the account and uses the link up.',
  'GET /register/done': 'Says so, and leads back to the app.',
  'GET /invitation': 'The page of an invitation.',
  'POST /invitation': 'Makes the account and uses the invitation up.',
  'GET /setup': 'The page of a set-up link.',
  'POST /setup': 'Makes the administrator and uses the link up.',
  'GET /interaction/:uid': 'The next step of a sign-in, decided by what is stored.',
  'POST /interaction/:uid/sign-in': 'Checks login and password.',
  'GET /interaction/:uid/email':
    'Asks for the address of somebody who wants to sign in by e-mail, where that is offered.',
  'POST /interaction/:uid/email':
    'Has a code or link sent, if the address has an account; the answer is the same for all.',
  'POST /interaction/:uid/email/code': 'Checks a code that was sent.',
  'GET /interaction/:uid/email/link': 'The page of a link that was sent; it works in the browser that asked.',
  'POST /interaction/:uid/email/link': 'Uses the link up and goes on with the sign-in.',
  'POST /interaction/:uid/sign-in/passkey': 'Checks what a passkey signed, in place of login and password.',
  'POST /federation/:name/backchannel-logout':
    'Where another provider tells that somebody has signed out there (OpenID Connect Back-Channel Logout).',
  'GET /federation/:name/logged-out':
    'Where a provider leads who has signed out there (OpenID Connect RP-Initiated Logout), on to where the sign-out began.',
  'POST /account/identities/link': 'Sets out to connect an identity at another provider.',
  'GET /account/identities/return': 'Connects what the provider has said, in the session that set out.',
  'POST /account/identities/unlink': 'Takes an identity at another provider off the account.',
  'GET /api/v1/identities/:name/token':
    'Gives an app a person’s access token of another provider, for an access token of ours with the scope `upstream_tokens:NAME`.',
  'POST /interaction/:uid/federation/:name': 'Sets out to sign in with another provider.',
  'GET /interaction/:uid/federation': 'Takes up what another provider has said, and goes on with the sign-in.',
  'GET /federation/:name/callback':
    'What another provider answers to. Exactly this address is registered there; `postern federation show` prints it.',
  'POST /federation/:name/callback': 'The same for providers that answer by a form (Apple).',
  'POST /interaction/:uid/passkey': 'Checks what a passkey signed, as the second step.',
  'POST /interaction/:uid/passkey/enrolment': 'Takes a new passkey and shows the recovery codes.',
  'POST /interaction/:uid/new-password': 'Sets a new password in place of one that is too old.',
  'POST /interaction/:uid/code': 'Checks a code of an authenticator app, or a recovery code.',
  'POST /interaction/:uid/another-way': 'Shows the page for another kind of factor.',
  'POST /interaction/:uid/enrolment': 'Takes the first code of a new authenticator app and shows the recovery codes.',
  'POST /interaction/:uid/consent': 'Allows what the app asks for.',
  'POST /interaction/:uid/switch': 'Signs in as somebody else.',
  'POST /interaction/:uid/deny': 'Goes back to the app with `access_denied`.',
};

/** The protocol's endpoints: what they do, and which document says how. */
export const endpointMeanings: Readonly<Record<string, readonly [methods: string, meaning: string]>> = {
  [routes.authorization]: [
    'GET, POST',
    'Starts a sign-in (RFC 6749, OpenID Connect Core). POST is answered by a redirect to GET.',
  ],
  [routes.token]: ['POST', 'Tokens for a code, a refresh token, a device code or a client’s own credentials.'],
  [routes.userinfo]: ['GET, POST', 'Claims of the person behind an access token.'],
  [routes.jwks]: ['GET', 'Public signing keys, including the next one.'],
  [routes.introspection]: ['POST', 'Whether a token is alive, and what it carries (RFC 7662).'],
  [routes.revocation]: ['POST', 'Ends a token of the caller’s own (RFC 7009).'],
  [routes.end_session]: ['GET, POST', 'Sign-out started by an app (RP-Initiated Logout).'],
  [routes.code_verification]: ['GET, POST', 'Where people type a device’s code.'],
  [routes.device_authorization]: ['POST', 'A device asks for a code (RFC 8628).'],
  [routes.pushed_authorization_request]: ['POST', 'Pushes an authorization request (RFC 9126).'],
  [routes.backchannel_authentication]: [
    'POST',
    'Asks a person for something who is elsewhere (OpenID Connect CIBA Core).',
  ],
  '/.well-known/openid-configuration': ['GET', 'Discovery.'],
  '/.well-known/oauth-authorization-server': ['GET', 'The same as authorization server metadata (RFC 8414).'],
};

/** The management port's addresses. */
export const managementMeanings: Readonly<Record<string, string>> = {
  '/health/live': 'Whether the process answers. Depends on nothing else: a restart does not mend a database.',
  '/health/ready': 'Whether requests can be served now: database, keys, not shutting down.',
  '/health/started': 'Whether start-up, with its migrations, is over.',
  '/health': 'As `/health/ready`.',
  '/healthz': 'As `/health/ready`.',
  '/metrics': 'See [metrics](metrics.md).',
};

/** Method and path of every page route that the product mounts. */
export function pageRoutes(): string[] {
  const router = new Router();
  // Mounting only registers handlers, none of which is called here.
  const none = {} as never;
  mountPages(router, {
    signIn: createSignIn(none),
    consent: createConsent(none),
    mfa: createMfaPages(none),
    passkeys: createPasskeyPages(none),
    passwordPages: createPasswordPages(none),
    account: createAccount(none),
    addresses: createAddresses(none),
    deletions: createDeletions(none),
    setUp: createSetUp(none),
    console: createConsole(none),
    recovery: createRecovery(none),
    registrations: createRegistrations(none),
    emailSignIns: createEmailSignIns(none),
    safeguards: createSafeguards(none),
    federation: createFederation(none),
  });
  return router.stack.flatMap(({ methods, path }) =>
    methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${String(path)}`),
  );
}

/** Every path that the protocol answers at. */
export const protocolPaths: readonly string[] = [
  ...new Set([...Object.values(routes), ...publicDocuments, ...machineEndpoints]),
];

/** `docs/reference/http.md`. */
export function httpPage(): string {
  const endpoints = protocolPaths.map((path) => {
    const [methods = '', meaning = ''] = endpointMeanings[path] ?? [];
    return [code(path), methods, meaning];
  });
  const pages = pageRoutes().map((route) => {
    const [method = '', path = ''] = route.split(' ');
    return [code(path), method, routeMeanings[route] ?? ''];
  });
  const management = Object.entries(managementMeanings).map(([path, meaning]) => [code(path), meaning]);
  return page(
    generatedFrom('the routers'),
    '# HTTP',
    `Every answer carries \`X-Request-Id\`, which finds its log lines and its audit events.`,
    '## Public port: protocol\n\nApps find these through discovery; the paths are no promise.',
    table([['Path', 'Method', 'What it does'], ...endpoints]),
    '## Public port: pages',
    table([['Path', 'Method', 'What it does'], ...pages]),
    `Static files are below \`/assets/\`, under names that change with their content.

A POST is served when \`Sec-Fetch-Site\` is \`same-origin\`, or when that header is absent and \`Origin\` is the issuer; otherwise it is
refused with 403. \`/authorize\` and \`/logout\` take POSTs from anywhere and answer them by a redirect to the same request as GET.`,
    '## Management port\n\n`GET` only; 200 or 503, `{ "status": "UP" | "DOWN", "checks": […] }`. Never open this port to the internet.',
    table([['Path', 'What it says'], ...management]),
  );
}
