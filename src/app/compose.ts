import { fileURLToPath } from 'node:url';
import type Koa from 'koa';
import type { Context } from 'koa';
import { createAccount } from '../features/account/module.ts';
import { addressRequestKind, addressRequests, createAddresses } from '../features/addresses/module.ts';
import { createConsent } from '../features/consent/module.ts';
import { createConsole } from '../features/console/module.ts';
import { createDeletions, type Deletions } from '../features/deletions/module.ts';
import {
  createEmailSignIns,
  emailSignInKind,
  emailSignIns,
  endEmailSignIns,
} from '../features/email-sign-in/module.ts';
import {
  beginSignIn,
  createFederation,
  createTokenRevocations,
  tokenRevocationKind,
} from '../features/federation/module.ts';
import { createMfaPages } from '../features/mfa/module.ts';
import { createNotices, tellOfApproval } from '../features/notices/module.ts';
import { createPasskeyPages } from '../features/passkeys/module.ts';
import { createPasswordPages, createReplaceOwn, owesNewPassword } from '../features/passwords/module.ts';
import {
  createEndings,
  createProtocol,
  type Endings,
  type LogoutNotice,
  type Proof,
  type Protocol,
} from '../features/protocol/module.ts';
import { createRecovery, resetRequestKind, resetRequests } from '../features/recovery/module.ts';
import { createRegistrations, registrationKind, registrations } from '../features/registration/module.ts';
import { createSafeguards, type Safeguards } from '../features/safeguards/module.ts';
import { createSetUp, type SetUp } from '../features/set-up/module.ts';
import { createSignIn, type SignInAttempt } from '../features/sign-in/module.ts';
import { createStatistics } from '../features/statistics/module.ts';
import type { AccountEndings, User } from '../features/users/module.ts';
import type { ClientCertificates } from '../foundation/certificates/client-certificates.ts';
import { hmacSha256 } from '../foundation/crypto/hash.ts';
import { watchRevisions } from '../foundation/db/revision.ts';
import { openPlaces, type Places } from '../foundation/geo/places.ts';
import { doorState } from '../foundation/http/door.ts';
import { createRequestContextReader } from '../foundation/http/request-context.ts';
import { type Mail, type MailRoom, mailKind } from '../foundation/mail/mail.ts';
import type { Log } from '../foundation/observe/log.ts';
import type { Metrics } from '../foundation/observe/metrics.ts';
import { createOutboundFetch } from '../foundation/outbound/fetch.ts';
import { createOutbox, type MessageKind, type Outbox } from '../foundation/outbox/outbox.ts';
import { createViews, type Views } from '../foundation/views/render.ts';
import { type CoreFeatures, composeCore, type Foundations } from './compose-features.ts';
import { composeMutualTls, type MutualTls } from './compose-mutual-tls.ts';
import { createHttpApp } from './http.ts';
import { type Jobs, type JobsParts, startJobs } from './jobs.ts';
import { composeMailRoom } from './mail-room.ts';
import { mountPages, type Pages } from './page-routes.ts';

export interface AppParts extends Foundations {
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The whole product, ready to be put behind a port. */
export interface App {
  readonly core: CoreFeatures;
  readonly protocol: Protocol;
  readonly setUp: SetUp;
  readonly deletions: Deletions;
  readonly mail: Mail;
  readonly outbox: Outbox;
  readonly koa: Koa;
  readonly certificates: ClientCertificates;
  /** Stops what runs by itself; the database stays open. */
  stop(): Promise<void>;
}

/** Folders beside `src` and `dist`. */
const folder = (name: string): string => fileURLToPath(new URL(`../../${name}/`, import.meta.url));

/** Builds every feature once, with named parts. There is no other place that knows them all. */
export async function compose(parts: AppParts): Promise<App> {
  const core = await composeCore(parts);
  await core.signingKeys.ensure();
  const { issuer } = parts.config;
  const places = watchPlaces(parts);
  const views = createViews({ viewsDir: folder('views'), publicDir: folder('public'), issuer });
  const mutual = composeMutualTls(parts);
  const { certificates } = mutual;
  const { protocol, outbox, room, endings } = composeProtocol({ ...parts, ...mutual, places }, core, views);
  const { mail } = room;
  const within = { ...parts, views, mail, outbox, endings, places };
  const pages = composePages(within, core, protocol);
  const { safeguards } = pages;
  const koa = createHttpApp({
    ...parts,
    ...core,
    views,
    issuer,
    protocol,
    certificates,
    mtlsUrl: mutual.mtls.url,
    readContext: createRequestContextReader({ trustProxy: parts.config.trustProxy }),
    mountPages: (router) => mountPages(router, pages),
    signOutThere: pages.federation.signOutThere,
  });
  const statistics = createStatistics({ ...parts, onCounted: (row) => parts.metrics.sessions(row) });
  parts.metrics.observeSessions(() => statistics.active());
  const following = { protocol, outbox, safeguards, deletions: pages.deletions, statistics };
  const stopFollowing = await keepFresh(parts, core, following);
  const stop = () => {
    places.close();
    mutual.issuers.close();
    room.close();
    return stopFollowing();
  };
  return {
    core,
    protocol,
    setUp: pages.setUp,
    deletions: pages.deletions,
    mail,
    outbox,
    koa,
    certificates,
    stop,
  };
}

interface PageParts extends AppParts {
  readonly views: Views;
  readonly mail: Mail;
  readonly outbox: Outbox;
  readonly endings: Endings;
  readonly places: Places;
}

/** The operator's file of places; where it cannot be used the log says so, and nothing else stops. */
function watchPlaces({ config, log }: AppParts): Places {
  return openPlaces({
    file: config.geoip.file,
    onRead: ({ kind, madeAt }) => log.info({ kind, made_at: new Date(madeAt).toISOString() }, 'places were read'),
    onUnusable: (error) => log.error({ code: error.code }, error.message),
  });
}

/** Every feature that has doors. */
function composePages(parts: PageParts, core: CoreFeatures, protocol: Protocol): Pages {
  const { issuer } = parts.config;
  const { sessions, arrivals, interactions, apps, approvals } = protocol;
  const notices = createNotices({ ...parts, issuer });
  const endEverything = everything(parts.endings);
  const replaceOwn = createReplaceOwn({ ...core, notices, sessions });
  const asked = { sessions, arrivals, interactions, apps, approvals };
  const doors = { issuer, protocol, ...asked, notices, endEverything, replaceOwn };
  const within = { ...parts, ...core, ...doors };
  const expel: Safeguards['expel'] = (expulsion, by) => safeguards.expel(expulsion, by);
  const addresses = createAddresses({ ...within, expel });
  const registering = createRegistrations(within);
  const emailSignIns = createEmailSignIns(within);
  const offersRegistration = () => registering.isOffered();
  const hooks = { ...signInHooks(parts, core), offersRegistration, emailWay: () => emailSignIns.way() };
  const setUp = createSetUp(within);
  const offerReturn = (ctx: Context, userId: string): Promise<boolean> => deletions.offerReturn(ctx, userId);
  const { registersAlone } = registering;
  const outside = { fetch: createOutboundFetch(parts.config), registersAlone, findBearer: protocol.findBearer };
  const hasOwnWay = async (id: string): Promise<boolean> => (await core.passwords.has(id)) || core.passkeys.has(id);
  const federation = createFederation({ ...within, ...outside, offerReturn, hasOwnWay });
  // Users come last and by themselves where rows are erased: everything else belongs to an account.
  const rooms = [core.passwords, core.mfa, core.devices, protocol, registering, emailSignIns, addresses, federation];
  // When an account was opened after too many tries is kept for a day, for the other processes: nothing to export.
  const unlocks = { held: async () => ({}), erase: ({ id }: User) => [core.unlocks.erase(id)] };
  const others = [...rooms.map((room) => room.personal), unlocks];
  const deletions = createDeletions({ ...within, personal: others });
  const safeguards = createSafeguards({ ...within, addresses, deletions, federation });
  const greet = (ctx: Context, accountId: string) => {
    const { facts, language } = doorState(ctx);
    return safeguards.greet({ cookies: ctx.cookies, facts, language }, accountId);
  };
  const personal = [core.users.personal, ...others];
  return {
    setUp,
    consent: createConsent(within),
    console: createConsole(within),
    recovery: createRecovery(within),
    mfa: createMfaPages({ ...within, greet }),
    passkeys: createPasskeyPages(within),
    passwordPages: createPasswordPages({ ...within, need: core.mfa.need }),
    account: createAccount({ ...within, addresses, personal, deletions, federated: federation.account }),
    addresses,
    deletions,
    registrations: registering,
    emailSignIns,
    safeguards,
    federation,
    signIn: createSignIn({ ...within, ...hooks, greet, offerReturn, federated: federation.signIn }),
  };
}

/** What a person ends by "sign out everywhere": all that they hold, and the apps that take part are told. */
function everything(endings: Endings): AccountEndings {
  return async (id, reason) => [...(await endings.notices(id)), ...(await endings.ofAccount(id, reason))];
}

/** How a login that is not ours to name is referred to in the audit. */
function loginReferences({ keyRing }: AppParts): (login: string) => string {
  const key = keyRing.derive('unknown logins');
  return (login) => hmacSha256(key, login.trim().normalize('NFC').toLowerCase());
}

/** Whether a browser may go without a second factor: only where the policy leaves it to people. */
function rememberedBrowsers({ settings, mfa, devices }: CoreFeatures) {
  return async ({ cookies }: Context, accountId: string): Promise<boolean> =>
    settings.current().mfa.rememberDays > 0 &&
    (await mfa.policies.of(accountId)) === 'optional' &&
    devices.isRemembered(cookies, accountId);
}

function signInHooks(parts: AppParts, core: CoreFeatures) {
  const { metrics } = parts;
  const { mfa, passwords } = core;
  return {
    need: mfa.need,
    owesPassword: (proof: Proof) => owesNewPassword(passwords, proof),
    isRemembered: rememberedBrowsers(core),
    loginReference: loginReferences(parts),
    onAttempt: (attempt: SignInAttempt) => metrics.authentication(attempt),
  };
}

/** What the log is told of the engine. */
const engineNews = (log: Log) => ({
  onServerError: (requestId: string, err: Error) => log.error({ err, request_id: requestId }, 'the engine failed'),
  onKeysUnread: (clientId: string, err: unknown) =>
    log.warn({ err, client_id: clientId }, 'the keys at the jwks_uri of a client cannot be read'),
  onRequestUnread: (clientId: string, err: unknown) =>
    log.warn({ err, client_id: clientId }, 'a request object at a request_uri of a client cannot be used'),
});

function composeProtocol(parts: AppParts & MutualTls & { places: Places }, core: CoreFeatures, views: Views) {
  // The outbox needs to know how protocol delivers, and protocol needs a place to put its notices.
  const kinds: Record<string, MessageKind> = {};
  const outbox = createOutbox({ ...parts, kinds });
  const { issuer } = parts.config;
  const fetch = createOutboundFetch(parts.config);
  const notice = (message: LogoutNotice) => outbox.put('logout', message);
  // The mail room is made after protocol, whose requests it tells of.
  let mail: Mail | undefined;
  const protocol = createProtocol({
    ...parts,
    ...core,
    issuer,
    views,
    fetch,
    notice,
    mfaPolicies: core.mfa.policies,
    hasSecondFactor: core.mfa.has,
    isRemembered: rememberedBrowsers(core),
    deviceOf: ({ cookies }, accountId) => core.devices.nameOf(cookies, accountId),
    ...engineNews(parts.log),
    withSignIn: beginSignIn,
    ping: (ping) => outbox.put('ping', ping),
    tellPerson: async (asked) => tellOfApproval({ ...parts, ...core, issuer, views, mail }, asked),
    onTokens: (tokens) => parts.metrics.tokensIssued(tokens),
  });
  kinds['logout'] = protocol.logoutNotices;
  kinds['ping'] = protocol.pings;
  kinds[tokenRevocationKind] = createTokenRevocations({ ...parts, ...core, issuer, fetch });
  const room = composeMailRoom({ ...parts, ...core, views, outbox });
  mail = room.mail;
  Object.assign(kinds, mailKinds(parts, core, room));
  return {
    protocol,
    outbox,
    room,
    endings: createEndings({
      ...parts,
      ...core,
      notice,
      alongside: (id) => [core.devices.forgetAll(id), endEmailSignIns(parts, id)],
    }),
  };
}

/** What is answered by mail, where there is a mail server. */
function mailKinds(parts: AppParts, core: CoreFeatures, { kind, mail }: MailRoom): Record<string, MessageKind> {
  if (!kind) return {};
  const { issuer } = parts.config;
  const answering = { ...parts, ...core, issuer, mail, loginReference: loginReferences(parts) };
  return {
    [mailKind]: kind,
    [resetRequestKind]: resetRequests(answering),
    [registrationKind]: registrations(answering),
    [addressRequestKind]: addressRequests(answering),
    [emailSignInKind]: emailSignIns(answering),
  };
}

/** Follows changes that other processes make, and runs the jobs. Returns what stops both. */
async function keepFresh(
  parts: AppParts,
  core: CoreFeatures,
  following: Pick<JobsParts, 'protocol' | 'outbox' | 'safeguards' | 'deletions' | 'statistics'>,
): Promise<() => Promise<void>> {
  const { protocol } = following;
  const watch = await watchRevisions({
    database: parts.database,
    async onChange(names) {
      await core.reload(names);
      // A client or an API may be the first to want an algorithm. Cheap when nothing is due.
      await core.signingKeys.rotateDue();
      protocol.rebuild();
    },
    onError: (error) => parts.log.warn({ err: error }, 'changes of other processes could not be read; trying again'),
  });
  // Again, now that it is watched: what another process changed since the first reading would never be told.
  await core.reload();
  protocol.rebuild();
  const jobs: Jobs = startJobs({ ...parts, ...core, ...following });
  return async () => {
    watch.stop();
    await jobs.stop();
  };
}
