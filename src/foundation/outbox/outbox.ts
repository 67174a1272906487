import type { Clock } from '../clock.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import type { Database } from '../db/database.ts';
import type { Operation } from '../db/statement.ts';
import type { Ids } from '../ids.ts';
import { createOutboxStore, type MessageRow, type OutboxStore } from './store.ts';

/** Sends one message. Rejects when it should be tried again. */
export type Deliver = (body: unknown) => Promise<void>;

/** What to store when a message is settled, beside its own row: its audit event. */
export type Settled = (body: unknown, outcome: 'delivered' | 'abandoned', error?: string) => readonly Operation[];

export interface MessageKind {
  readonly deliver: Deliver;
  readonly settled: Settled;
}

export interface Outbox {
  /** The operation that stores a message; commit it with the change that causes it. */
  put(kind: string, body: unknown): Operation;
  /** Delivers what is due now, each message by one node only. Resolves when this round is over. */
  deliverDue(): Promise<void>;
  /** The operation that removes messages settled before `before` (milliseconds). */
  sweep(before: number): Operation;
}

export interface OutboxParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly keyRing: KeyRing;
  readonly kinds: Readonly<Record<string, MessageKind>>;
}

/** A claim outlives the longest delivery, so that a node that dies in the middle gives the message free again. */
const claimMs = 30_000;
/** Waits between tries, in milliseconds: 5 s to 5 h, about a day in all. */
const waits = [5_000, 30_000, 120_000, 600_000, 1_800_000, 7_200_000, 18_000_000, 18_000_000, 18_000_000];

const place = (row: string) => ({ table: 'outbox_messages', column: 'body', row });

/** Messages to the outside that must not be lost and are not sent before the change they tell of is on disk. */
export function createOutbox(parts: OutboxParts): Outbox {
  const store = createOutboxStore(parts.database);
  return {
    put(kind, body) {
      const id = parts.ids.next();
      const sealed = parts.keyRing.seal(JSON.stringify(body), place(id));
      return store.put({ id, kind, body: sealed, at: parts.clock.now() });
    },
    async deliverDue() {
      const due = await store.due(parts.clock.now());
      await Promise.all(due.map((message) => deliverOne(parts, store, message)));
    },
    sweep: (before) => store.sweep(before),
  };
}

async function deliverOne(parts: OutboxParts, store: OutboxStore, message: MessageRow): Promise<void> {
  const { database, clock, keyRing } = parts;
  const kind = parts.kinds[message.kind];
  const claim = store.claim(message, clock.now() + claimMs);
  const claimed = await database.commit({ operations: [claim], fallback: [] });
  // Another node has it, or this code does not know the kind: an old node beside a new one leaves it to the new one.
  if (!claimed.committed || !kind) return;
  const body: unknown = JSON.parse(keyRing.open(message.body, place(message.id)).toString());
  try {
    await kind.deliver(body);
  } catch (error) {
    await postpone({ database, clock, store, kind }, message, body, error);
    return;
  }
  const operations = [store.delivered(message.id, clock.now()), ...kind.settled(body, 'delivered')];
  await database.commit({ operations, fallback: [] });
}

async function postpone(
  { database, clock, store, kind }: Pick<OutboxParts, 'database' | 'clock'> & { store: OutboxStore; kind: MessageKind },
  message: MessageRow,
  body: unknown,
  error: unknown,
): Promise<void> {
  const reason = error instanceof Error ? error.message.slice(0, 500) : 'failed';
  const wait = waits[message.attempts];
  const operations =
    wait === undefined
      ? [store.abandon(message.id, clock.now(), reason), ...kind.settled(body, 'abandoned', reason)]
      : [store.retry(message.id, clock.now() + wait, reason)];
  await database.commit({ operations, fallback: [] });
}
