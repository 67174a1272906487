import type { Context, Middleware } from 'koa';
import type Provider from 'oidc-provider';
import { errors, type InteractionResults } from 'oidc-provider';
import { type Clock, epochSeconds } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { seeOther } from '../../foundation/http/door.ts';
import type { AppOnPage } from '../../foundation/views/pages.ts';
import type { Clients } from '../clients/module.ts';
import { notAllowedReason } from './allowed-people.ts';
import { appOnPage } from './app-on-page.ts';
import { asksForSecondFactor, singleFactor } from './assurance.ts';
import { type AuthorizationDetail, addDetails } from './authorization-details.ts';
import { cookiesMissing, interactionMissing } from './errors.ts';
import { type KeptProof, type Proof, proofOf, type SignInResult } from './proof.ts';
import type { Allowed, RememberedConsents } from './remembered-consent.ts';
import { createResumeHere, goesOnHere } from './resume-here.ts';
import type { GrantOfSession } from './session-grant.ts';
import { isAtRisk } from './session-risk.ts';
import { sightingWrites } from './sightings/store.ts';
import { speakAsAsked } from './ui-locales.ts';
import { currentUnit } from './unit.ts';

/** What the engine is waiting for, as the sign-in and consent rooms see it. */
export interface Interaction {
  readonly uid: string;
  /** The engine's question. */
  readonly prompt: 'login' | 'not-allowed' | 'consent';
  readonly reasons: readonly string[];
  readonly clientId: string;
  /** The person asked to sign in as somebody else, or again. */
  readonly switching: boolean;
  /** Whoever is signed in already. */
  readonly accountId: string | undefined;
  /** The sign-in that this browser has already, among a person's listed ones. */
  readonly signInId: string | undefined;
  /** What is proved so far, for the account that the sign-in is to be for. */
  readonly proof: Proof | undefined;
  /** Whether the app asks for a second factor (RFC 9470). */
  readonly asksForSecondFactor: boolean;
  readonly loginHint: string | undefined;
  /** What else the app asked for, for who signs the person in elsewhere. */
  readonly wishes: Wishes;
  /** Where the answer will go: what `form-action` must let through. */
  readonly redirectUri: string | undefined;
  readonly app: AppOnPage | undefined;
  /** Every scope that is asked for, allowed already or not. */
  readonly requested: readonly string[];
  /** What is asked for and not allowed yet. */
  readonly missing: MissingConsent;
}

/** Parameters of the request that a provider which signs the person in is told as well. */
export interface Wishes {
  /** Values of `prompt` (OpenID Connect Core §3.1.2.1). */
  readonly prompt: readonly string[];
  /** In seconds. */
  readonly maxAge: number | undefined;
  /** The other provider that the app wants the person to go to at once. */
  readonly idpHint: string | undefined;
}

/** What is asked for and not allowed yet. */
export type MissingConsent = Allowed;

/** The engine's interactions: what it asks, and how it is answered. Each answer returns the address to go on at. */
export interface Interactions {
  /** The interaction of this request. Throws `interaction_missing` or `cookies_missing`. */
  current(ctx: Context): Promise<Interaction>;
  /** Keeps what was proved, for the steps that are still to come. Returns the interaction's own address. */
  prove(ctx: Context, result: SignInResult & Pick<Proof, 'authTime'>): Promise<string>;
  /** Answers with a sign-in whose every step was taken, and the browser with what follows: mostly the way to the app. */
  signedIn(ctx: Context, result: SignInResult & Partial<Pick<Proof, 'authTime' | 'by'>>): Promise<void>;
  /** Makes the next step a sign-in, whoever is signed in now. Returns the interaction's own address. */
  switchAccount(ctx: Context): Promise<string>;
  /** Allows what is missing. */
  allow(ctx: Context): Promise<string>;
  /** Sends the person back to the app with `access_denied` (RFC 6749 §4.1.2.1). */
  deny(ctx: Context): Promise<string>;
}

/** Kept in the interaction's result, which the engine reads only once it is answered. */
const switching = 'switch_account';
const proved = 'proved';

type Details = Awaited<ReturnType<Provider['interactionDetails']>>;

export interface InteractionParts {
  readonly provider: () => Provider;
  readonly clients: Clients;
  readonly consents: RememberedConsents;
  readonly grantOf: GrantOfSession;
  readonly clock: Clock;
  /** Answers the library's own addresses. */
  readonly serve: Middleware;
}

/** The interactions of whichever engine is current. */
export function createInteractions(parts: InteractionParts): Interactions {
  const { provider, clock } = parts;
  // A door looks at the interaction, then answers it: once found is enough for a request.
  const seen = new WeakMap<Context, Promise<Details>>();
  const details = (ctx: Context): Promise<Details> => {
    const found = seen.get(ctx) ?? detailsOf(provider(), ctx);
    seen.set(ctx, found);
    return found;
  };
  const resumeHere = createResumeHere(parts);
  // As `interactionResult` does with the interaction that it would read and check once more.
  const answer = async (ctx: Context, result: InteractionResults): Promise<string> => {
    const found = await details(ctx);
    found.result = 'error' in result ? result : { ...found.lastSubmission, ...result };
    await found.persist();
    return found.returnTo;
  };
  return {
    current: async (ctx) => describe(await details(ctx), parts),
    async prove(ctx, { accountId, amr, acr, authTime, remember }) {
      const found = await details(ctx);
      const kept: KeptProof = { accountId, amr, acr, authTime, remember, keptAt: clock.now() };
      found.result = { ...found.result, [proved]: kept };
      await found.persist();
      return `/interaction/${found.uid}`;
    },
    async signedIn(ctx, { accountId, amr, acr, authTime, remember = false, by }) {
      const found = await details(ctx);
      // What the session had proved before is no answer to whether it is still in the right hands.
      if (by !== 'session') meetChallenge(found, accountId);
      // The time is told, or `auth_time` would move with every question that follows (OpenID Connect Core §2).
      const ts = authTime ?? epochSeconds(clock);
      const address = await answer(ctx, { login: { accountId, amr: [...amr], acr, ts, remember } });
      if (goesOnHere(found)) await resumeHere(ctx, found);
      else seeOther(ctx, address);
    },
    deny: (ctx) => answer(ctx, { error: 'access_denied', error_description: 'the person went back to the app' }),
    async switchAccount(ctx) {
      const found = await details(ctx);
      const { [proved]: _proved, ...result } = found.result ?? {};
      found.result = { ...result, [switching]: true };
      await found.persist();
      return `/interaction/${found.uid}`;
    },
    async allow(ctx) {
      const found = await details(ctx);
      const grantId = await grantMissing(parts, found);
      return answer(ctx, { consent: { grantId } });
    },
  };
}

/** Lets the session go on whose person has shown here that it is theirs. */
function meetChallenge({ prompt, session, iat }: Details, accountId: string): void {
  if (!isAtRisk(prompt) || session?.accountId !== accountId || session.uid === undefined) return;
  const key = sha256(session.uid);
  // One that came up in the second after the question was put is not told from it.
  const params = [key, ((iat ?? 0) + 1) * 1000];
  currentUnit()?.add({ rank: 'session', key, statement: sightingWrites.meetChallenge, params });
}

async function detailsOf(provider: Provider, ctx: Context): Promise<Details> {
  try {
    const found = await provider.interactionDetails(ctx.req, ctx.res);
    // The cookie must belong to the page: another tab's answer must not land here.
    if (found.uid !== ctx['params']?.['uid']) throw interactionMissing();
    speakAsAsked(ctx, found.params);
    return found;
  } catch (error) {
    if (!(error instanceof errors.SessionNotFound)) throw error;
    throw ctx.headers.cookie === undefined ? cookiesMissing() : interactionMissing(error);
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

const wholeNumber = (value: unknown): number | undefined => {
  const number = Number(value ?? Number.NaN);
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
};

/** The engine's prompts by their names. */
const prompts: Readonly<Record<string, Interaction['prompt']>> = {
  consent: 'consent',
  [notAllowedReason]: 'not-allowed',
};

function describe(found: Details, { clients, clock }: Pick<InteractionParts, 'clients' | 'clock'>): Interaction {
  const { uid, prompt, params, session } = found;
  const clientId = String(params['client_id']);
  const asked = {
    prompt: prompts[prompt.name] ?? 'login',
    reasons: prompt.reasons,
    switching: found.result?.[switching] === true,
  } as const;
  const kept = found.result?.[proved] as KeptProof | undefined;
  return {
    ...asked,
    uid,
    clientId,
    accountId: session?.accountId,
    signInId: session?.accountId === undefined ? undefined : sha256(session.uid),
    proof: proofOf({ ...asked, kept, session: sessionProof(session), now: clock.now() }),
    asksForSecondFactor: asksForSecondFactor(params),
    loginHint: text(params['login_hint']),
    wishes: {
      prompt: text(params['prompt'])?.split(' ') ?? [],
      maxAge: wholeNumber(params['max_age']),
      idpHint: text(params['idp_hint']),
    },
    redirectUri: text(params['redirect_uri']),
    app: appOnPage(clients, clientId),
    requested: text(params['scope'])?.split(' ') ?? [],
    missing: missingOf(found),
  };
}

/** What the session that is there has proved, and when: reading the interaction has read it as well. */
function sessionProof(session: Details['session']): Omit<Proof, 'by'> | undefined {
  if (session?.accountId === undefined) return undefined;
  const { accountId, acr = singleFactor, amr = [] } = session as { accountId: string; acr?: string; amr?: string[] };
  const unit = currentUnit();
  return { accountId, acr, amr, authTime: unit?.sessionBegan, remember: unit?.sessionStays };
}

function missingOf({ prompt }: Details): MissingConsent {
  const details = prompt.details as {
    missingOIDCScope?: string[];
    missingOIDCClaims?: string[];
    missingResourceScopes?: Record<string, string[]>;
    rar?: AuthorizationDetail[];
  };
  return {
    scopes: details.missingOIDCScope ?? [],
    claims: details.missingOIDCClaims ?? [],
    resources: details.missingResourceScopes ?? {},
    details: details.rar ?? [],
  };
}

/** Adds what is missing to the person's grant for the client, or makes one, and returns its id. */
async function grantMissing(
  { clients, consents, grantOf, ...parts }: InteractionParts,
  found: Details,
): Promise<string> {
  const provider = parts.provider();
  const { accountId, uid: sessionUid } = found.session ?? {};
  const clientId = String(found.params['client_id']);
  if (accountId === undefined || sessionUid === undefined || !clients.find(clientId)) throw interactionMissing();
  const existing = found.grantId ? await provider.Grant.find(found.grantId) : undefined;
  const own = existing?.accountId === accountId ? existing : undefined;
  const grant = own ?? (await grantOf(provider, { sessionUid, accountId, clientId }));
  const missing = missingOf(found);
  const { scopes, claims, resources, details } = missing;
  if (scopes.length > 0) grant.addOIDCScope(scopes.join(' '));
  if (claims.length > 0) grant.addOIDCClaims([...claims]);
  for (const [identifier, names] of Object.entries(resources)) grant.addResourceScope(identifier, names.join(' '));
  addDetails(grant, details);
  await consents.add({ accountId, clientId }, missing);
  return grant.save();
}
