import type { Clock } from '../../foundation/clock.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { placeInWords } from '../../foundation/geo/place.ts';
import type { Places } from '../../foundation/geo/places.ts';
import { readUserAgent } from '../../foundation/http/user-agent.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Audit, RequestFacts } from '../audit/module.ts';
import type { BrowserCookies, Devices } from '../devices/module.ts';
import type { Users } from '../users/module.ts';

/** A browser in which a person has taken every step of a sign-in. */
export interface Arrival {
  readonly cookies: BrowserCookies;
  readonly facts: RequestFacts;
  readonly language: string;
}

export interface GreetParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly users: Users;
  readonly devices: Pick<Devices, 'known' | 'hasAny' | 'meet'>;
  readonly mail: Mail;
  readonly places: Pick<Places, 'find'>;
  readonly views: Pick<Views, 'negotiate'>;
}

/** How long the link of the notice works, in seconds: a mail may lie there over a holiday. */
const linkSeconds = 14 * 24 * 60 * 60;

/** So many notices may wait to be looked at: who never keeps cookies shall not drown in mails. */
const openNotices = 5;

/**
 * Makes a browser known to an account, and tells its owner when it is not the first one: if it was somebody else, they
 * learn it now, with a link that throws everybody out.
 */
export function createGreet(parts: GreetParts) {
  const { devices, audit } = parts;
  return async ({ cookies, facts, language }: Arrival, userId: string): Promise<readonly Operation[]> => {
    const isNew = (await devices.known(cookies, userId)) === undefined && (await devices.hasAny(userId));
    const met = devices.meet(cookies, userId, facts);
    if (!isNew) return met;
    const actor = { kind: 'user', id: userId } as const;
    const event = audit.record({ type: 'device.new', outcome: 'success', actor, subject: userId }, facts);
    return [...met, event, ...(await notice(parts, { facts, language }, userId))];
  };
}

async function notice(
  { issuer, clock, users, mail, places, views }: GreetParts,
  { facts, language: spoken }: Pick<Arrival, 'facts' | 'language'>,
  userId: string,
): Promise<readonly Operation[]> {
  const user = mail.isOn ? await users.find(userId) : undefined;
  if (!user?.emailVerified || (await users.links.countOpen('not-me', userId)) >= openNotices) return [];
  // The owner's own language where they have said one: the browser may be somebody else's.
  const language = views.negotiate(user.claims.locale, spoken);
  const by = { actor: { kind: 'system', name: 'sign-in' }, facts } as const;
  const options = { ttlSeconds: linkSeconds, subject: userId };
  const { secret, operations } = users.links.prepare('not-me', options, by);
  const locals = {
    ...readUserAgent(facts.userAgent),
    at: clock.now(),
    ip: facts.ip,
    place: placeInWords(places.find(facts.ip), language),
    href: `${issuer}/not-me?key=${secret}`,
  };
  return [...operations, mail.put({ mail: 'new-device', to: user.email, subject: userId, language, locals })];
}
