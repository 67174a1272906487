import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Ids } from '../../foundation/ids.ts';
import { createCoalescer } from './coalesce.ts';
import type { AuditEvent, AuditFilter, RecordedEvent, RefusalKey, RequestFacts } from './event.ts';
import { type OwnEvent, ownEvent } from './own-events.ts';
import { createAuditStore } from './store.ts';
import { tell } from './tell.ts';

export type {
  Actor,
  AuditEvent,
  AuditEventType,
  AuditFilter,
  By,
  Outcome,
  RecordedEvent,
  RefusalKey,
  RequestFacts,
} from './event.ts';
export { byOperator, eventTypes } from './event.ts';
export type { OwnEvent } from './own-events.ts';

/**
 * Audit owns the record of what happened: the closed list of event types, the rows, and the words they are told in.
 * It does not decide what is worth recording, and it never writes on its own: a use case takes the operation that
 * `record` returns and commits it with the change that it describes, so that neither exists without the other.
 * Refusals before authentication go through `coalesce`, so that strangers cannot fill the disk. It hands over to nobody.
 */
export interface Audit {
  /** The operation that stores one event. Never throws: what is too long is cut, what a database refuses is stripped. */
  record(event: AuditEvent, facts: RequestFacts): Operation;
  readonly coalesce: {
    /**
     * Counts a refusal before authentication. Returns the operation that stores it when it is the first of its minute;
     * undefined when it only raised the count of that row.
     */
    refusal(key: RefusalKey, event: AuditEvent, facts: RequestFacts): Operation | undefined;
    /** Operations that store the counts of minutes that are over. Call it every few seconds, and commit them. */
    flushDue(): Operation[];
    /** Operations that store every count there is, for shutdown. */
    flushAll(): Operation[];
  };
  /** The newest events that match, in the order in which they happened. */
  search(filter: AuditFilter): Promise<RecordedEvent[]>;
  /** The newest events about a person, as they may see them, the newest first. */
  about(userId: string, page: Pick<AuditFilter, 'limit' | 'before' | 'without'>): Promise<OwnEvent[]>;
  /** An event as one sentence for people. */
  tell(event: RecordedEvent): string;
}

export function createAudit(parts: { database: Database; clock: Clock; ids: Ids }): Audit {
  const store = createAuditStore(parts);
  return {
    record: (event, facts) => store.insert(store.row(event, facts)),
    coalesce: createCoalescer({ clock: parts.clock, store }),
    search: (filter) => store.search(filter),
    async about(userId, page) {
      const events = await store.search({ subject: userId, ...page });
      return events.reverse().map((event) => ownEvent(event, userId));
    },
    tell,
  };
}
