import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import { type Operation, statement, type Value } from '../../foundation/db/statement.ts';
import { type Ids, idAt, timeOfId } from '../../foundation/ids.ts';
import { cleanDetails, cleanText } from './clean.ts';
import type { AuditEvent, AuditFilter, RecordedEvent, RequestFacts } from './event.ts';

const columns =
  'id, time, type, outcome, reason, actor_kind, actor_id, actor_name, subject, client, session, ip, user_agent, request_id, trace_id, details, count';
const places = '?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17';

const insertEvent = statement('audit_insert', `INSERT INTO audit_events (${columns}) VALUES (${places})`);

/** Writes the row with its count, or only the count when the row is there: the first write may have been lost with its unit. */
const storeCount = statement('audit_count', {
  sqlite: `INSERT INTO audit_events (${columns}) VALUES (${places}) ON CONFLICT (id) DO UPDATE SET count = ?17`,
  postgresql: `INSERT INTO audit_events (${columns}) VALUES (${places}) ON CONFLICT (id) DO UPDATE SET count = ?17`,
  mysql: `INSERT INTO audit_events (${columns}) VALUES (${places}) ON DUPLICATE KEY UPDATE count = ?17`,
});

/** A row, ready to be written: its parameters, of which the last is the count. */
export type EventRow = readonly Value[];

export interface AuditStore {
  row(event: AuditEvent, facts: RequestFacts): EventRow;
  insert(row: EventRow): Operation;
  count(row: EventRow, count: number): Operation;
  search(filter: AuditFilter): Promise<RecordedEvent[]>;
}

export function createAuditStore({ database, clock, ids }: { database: Database; clock: Clock; ids: Ids }): AuditStore {
  return {
    row(event, facts) {
      return [
        ids.next(),
        clock.now(),
        event.type,
        event.outcome,
        cleanText(event.reason, 191),
        event.actor.kind,
        cleanText(event.actor.id, 255),
        cleanText(event.actor.name, 255),
        cleanText(event.subject, 191),
        cleanText(event.client, 255),
        cleanText(event.session, 191),
        cleanText(facts.ip, 191),
        cleanText(facts.userAgent, 512),
        cleanText(facts.requestId, 191),
        cleanText(facts.traceId, 191),
        cleanDetails(event.details),
        event.count ?? 1,
      ];
    },
    insert: (row) => ({ statement: insertEvent, params: row, mustHit: true }),
    count: (row, count) => ({ statement: storeCount, params: [...row.slice(0, -1), count], mustHit: false }),
    async search(filter) {
      const rows = await database.prisma.auditEvent.findMany({
        where: whereOf(filter),
        orderBy: { id: 'desc' },
        take: Math.min(Math.max(Math.trunc(filter.limit), 1), 10_000),
      });
      return rows.reverse().map(toRecordedEvent);
    },
  };
}

/** No request takes longer, and no event is made before its request, in milliseconds. */
const longestRequest = 60_000;
/** An event's id is made a moment before its time is read, in milliseconds. */
const moment = 1000;

function whereOf({ user, subject, client, request, type, since, without, before }: AuditFilter) {
  return {
    AND: [
      ...idsSince(since),
      ...idsDuring(request),
      ...(before === undefined ? [] : [{ id: { lt: before } }]),
      ...(without === undefined ? [] : [{ type: { notIn: [...without] } }]),
    ],
    ...(user === undefined ? {} : { OR: [{ subject: user }, { actorKind: 'user', actorId: user }] }),
    ...(subject === undefined ? {} : { subject }),
    ...(client === undefined ? {} : { client }),
    ...(request === undefined ? {} : { requestId: request }),
    ...(type === undefined ? {} : { type }),
    ...(since === undefined ? {} : { time: { gte: BigInt(Math.trunc(since)) } }),
  };
}

const idsSince = (since: number | undefined) => (since === undefined ? [] : [{ id: { gte: idAt(since - moment) } }]);

/** The ids that a request's events can have, as its own id tells when it was. */
function idsDuring(request: string | undefined) {
  const time = request === undefined ? undefined : timeOfId(request);
  return time === undefined ? [] : [{ id: { gte: idAt(time), lt: idAt(time + longestRequest) } }];
}

type StoredEvent = Awaited<ReturnType<Database['prisma']['auditEvent']['findMany']>>[number];

function toRecordedEvent(row: StoredEvent): RecordedEvent {
  const details = JSON.parse(row.details) as Record<string, unknown>;
  return {
    id: row.id,
    time: new Date(Number(row.time)).toISOString(),
    type: row.type,
    outcome: row.outcome,
    ...present('reason', row.reason),
    actor: { kind: row.actorKind, ...present('id', row.actorId), ...present('name', row.actorName) },
    ...present('subject', row.subject),
    ...present('client', row.client),
    ...present('session', row.session),
    ...present('ip', row.ip),
    ...present('user_agent', row.userAgent),
    ...present('request_id', row.requestId),
    ...present('trace_id', row.traceId),
    details: row.count === 1 ? details : { ...details, count: row.count },
  };
}

const present = <Name extends string>(name: Name, value: string | null): Partial<Record<Name, string>> =>
  value === null ? {} : ({ [name]: value } as Record<Name, string>);
