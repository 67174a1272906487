import type { Clock } from '../../foundation/clock.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Audit, By } from '../audit/module.ts';
import type { Throttle, ThrottleNews } from '../throttle/module.ts';
import type { User, Users } from '../users/module.ts';

export interface TellNewsParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly views: Pick<Views, 'negotiate'>;
  readonly audit: Audit;
  readonly users: Users;
  readonly throttle: Pick<Throttle, 'news'>;
  readonly mail: Mail;
}

type Locked = ThrottleNews & { readonly kind: 'locked' };

const bySystem = { kind: 'system', name: 'throttle' } as const;

/**
 * Writes down what the throttle noticed, and tells the person whose account was locked. Away from the page that locked
 * it: there the same work is done, and takes the same time, whether the account exists or not (account enumeration).
 */
export function createTellNews(parts: TellNewsParts) {
  return async (): Promise<readonly Operation[]> => {
    const operations: Operation[] = [];
    for (const news of parts.throttle.news()) {
      operations.push(...(news.kind === 'locked' ? await tellLocked(parts, news) : tellSpraying(parts, news.address)));
    }
    return operations;
  };
}

/** Equal ones within a minute are one event. */
function tellSpraying({ audit }: TellNewsParts, address: string | undefined): readonly Operation[] {
  const reason = address === undefined ? 'many_addresses' : 'one_address';
  const event = { type: 'attack.spraying', outcome: 'denied', reason, actor: bySystem } as const;
  const recorded = audit.coalesce.refusal({ address, reason }, event, { ip: address });
  return recorded === undefined ? [] : [recorded];
}

async function tellLocked(parts: TellNewsParts, news: Locked): Promise<readonly Operation[]> {
  const { audit, users } = parts;
  // What was typed may be nobody's name: then there is nobody to tell.
  const user = await users.find(news.account);
  if (user === undefined) return [];
  const facts = { ip: news.address };
  const details = { until: new Date(news.until).toISOString() };
  const event = { type: 'account.locked', outcome: 'denied', actor: bySystem, subject: user.id, details } as const;
  return [audit.record(event, facts), ...inform(parts, user, news)];
}

function inform({ issuer, clock, views, users, mail }: TellNewsParts, user: User, { until, address }: Locked) {
  if (!mail.isOn || user.disabledAt !== undefined || !user.emailVerified) return [];
  const by: By = { actor: bySystem, facts: {} };
  const now = clock.now();
  const ttlSeconds = Math.ceil((until - now) / 1000);
  const { secret, operations } = users.links.prepare('unlock', { ttlSeconds, subject: user.id }, by);
  const { locale } = user.claims;
  const notice = mail.put({
    mail: 'account-locked',
    to: user.email,
    subject: user.id,
    language: views.negotiate(typeof locale === 'string' ? locale : undefined, undefined),
    locals: { href: `${issuer}/unlock?key=${secret}`, until, at: now, ip: address },
    until,
  });
  return [...operations, notice];
}
