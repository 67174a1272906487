import type { Clock } from '../clock.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import type { Database } from '../db/database.ts';
import type { Operation } from '../db/statement.ts';
import type { Ids } from '../ids.ts';
import { createOutboxStore, type MessageRow, type OutboxStore } from './store.ts';

/**
 * Sends one message. Rejects when it should be tried again, and with `Undeliverable` when that would be in vain. What it
 * resolves to is committed with the note that it was delivered: work that is put off is done once.
 */
export type Deliver = (body: unknown) => Promise<readonly Operation[] | undefined>;

/** No later try would go better. The message says why, in words for operators. */
export class Undeliverable extends Error {}

/** What to store when a message is settled, beside its own row: its audit event. */
export type Settled = (body: unknown, outcome: 'delivered' | 'abandoned', error?: string) => readonly Operation[];

export interface MessageKind {
  readonly deliver: Deliver;
  readonly settled: Settled;
  /** How many are delivered at once; 20 unless the far end takes fewer. */
  readonly atOnce?: number;
}

export interface Outbox {
  /** The operation that stores a message; commit it with the change that causes it. */
  put(kind: string, body: unknown): Operation;
  /** The kinds that are delivered here. */
  kinds(): readonly string[];
  /** Delivers what is due now of one kind, or of all, each message by one node only. Resolves when this round is over. */
  deliverDue(kind?: string): Promise<void>;
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
    kinds: () => Object.keys(parts.kinds),
    async deliverDue(only) {
      // By kind: an old node beside a new one leaves messages that it does not know to the new one, all of them.
      const kinds = Object.entries(parts.kinds).filter(([name]) => only === undefined || name === only);
      await everyOne(kinds.map(([name, kind]) => deliverKind(parts, store, { name, kind })));
    },
    sweep: (before) => store.sweep(before),
  };
}

/** Resolves when all have; one that rejects is told afterwards, so that it does not hide that others still run. */
async function everyOne(running: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(running)).find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

async function deliverKind(
  parts: OutboxParts,
  store: OutboxStore,
  { name, kind }: { name: string; kind: MessageKind },
): Promise<void> {
  const due = await store.due(name, parts.clock.now(), kind.atOnce ?? 20);
  await everyOne(due.map((message) => deliverOne({ ...parts, store, kind }, message)));
}

interface Work extends Pick<OutboxParts, 'database' | 'clock' | 'ids' | 'keyRing'> {
  readonly store: OutboxStore;
  readonly kind: MessageKind;
}

async function deliverOne(work: Work, message: MessageRow): Promise<void> {
  const { database, clock, store, kind } = work;
  const claimedBy = work.ids.next();
  const claim = store.claim(message, { by: claimedBy, until: clock.now() + claimMs });
  const claimed = await database.commit({ operations: [claim], fallback: [] });
  // Another node has it.
  if (!claimed.committed) return;
  const body: unknown = JSON.parse(work.keyRing.open(message.body, place(message.id)).toString());
  const operations = await kind.deliver(body).then(
    (done) => [store.delivered(message.id, clock.now()), ...(done ?? []), ...kind.settled(body, 'delivered')],
    (error: unknown) => postpone(work, { ...message, claimedBy }, body, error),
  );
  await database.commit({ operations, fallback: [] });
}

function postpone(
  { clock, store, kind }: Work,
  { id, attempts, claimedBy }: { id: string; attempts: number; claimedBy: string },
  body: unknown,
  failed: unknown,
): Operation[] {
  const error = reasonOf(failed);
  const wait = failed instanceof Undeliverable ? undefined : waits[attempts];
  if (wait !== undefined) return [store.retry(id, { claimedBy, at: clock.now() + wait, error })];
  return [store.abandon(id, { claimedBy, at: clock.now(), error }), ...kind.settled(body, 'abandoned', error)];
}

/** Short, and without the one character that PostgreSQL takes in no text: what fails far away chooses its own words. */
const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : 'failed').replaceAll('\0', '').slice(0, 500);
