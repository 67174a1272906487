import { sweepAddressChanges } from '../features/addresses/module.ts';
import type { Audit } from '../features/audit/module.ts';
import type { Deletions } from '../features/deletions/module.ts';
import type { Devices } from '../features/devices/module.ts';
import { sweepEmailSignIns } from '../features/email-sign-in/module.ts';
import { sweepFederation } from '../features/federation/module.ts';
import type { Passkeys } from '../features/passkeys/module.ts';
import type { Protocol } from '../features/protocol/module.ts';
import { sweepRegistrations } from '../features/registration/module.ts';
import type { Safeguards } from '../features/safeguards/module.ts';
import type { SigningKeys } from '../features/signing-keys/module.ts';
import type { Statistics } from '../features/statistics/module.ts';
import type { Unlocks } from '../features/throttle/module.ts';
import type { Users } from '../features/users/module.ts';
import type { Clock } from '../foundation/clock.ts';
import type { KeyRing } from '../foundation/crypto/key-ring.ts';
import type { Database } from '../foundation/db/database.ts';
import type { Operation } from '../foundation/db/statement.ts';
import type { Log } from '../foundation/observe/log.ts';
import type { Outbox } from '../foundation/outbox/outbox.ts';

export interface JobsParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly keyRing: KeyRing;
  readonly log: Log;
  readonly audit: Audit;
  readonly outbox: Outbox;
  readonly protocol: Protocol;
  readonly signingKeys: SigningKeys;
  readonly users: Users;
  readonly devices: Devices;
  readonly unlocks: Unlocks;
  readonly safeguards: Pick<Safeguards, 'tellNews'>;
  readonly passkeys: Passkeys;
  readonly deletions: Pick<Deletions, 'eraseDue'>;
  readonly statistics: Pick<Statistics, 'count'>;
}

/** Something that is done again and again. */
interface Job {
  readonly name: string;
  readonly everyMs: number;
  run(): Promise<unknown>;
}

export interface Jobs {
  /** Lets the runs under way finish, and starts no other. */
  stop(): Promise<void>;
}

/** How long settled messages of the outbox are kept, in milliseconds. */
const keepMessagesMs = 7 * 24 * 60 * 60 * 1000;

/** How much longer than its own undo link a change of address is kept: the link of a notice takes it back as well. */
const keepChangesMs = 8 * 24 * 60 * 60 * 1000;

/** How long links that have expired are kept, in milliseconds. */
const keepLinksMs = 24 * 60 * 60 * 1000;

/** The schedule. Every job is safe to run on every node at once: what must happen once is decided in SQL. */
export function startJobs(parts: JobsParts): Jobs {
  const { database, clock, audit, outbox, protocol, signingKeys, users, devices, passkeys, unlocks, safeguards } =
    parts;
  const commit = (operations: readonly Operation[]) =>
    operations.length === 0 ? Promise.resolve() : database.commit({ operations, fallback: [] });
  const jobs: Job[] = [
    // Each kind by itself: a mail server that takes its time must not keep logout notices waiting.
    ...outbox.kinds().map((kind) => ({
      name: `deliver outbox: ${kind}`,
      everyMs: 1_000,
      run: () => outbox.deliverDue(kind),
    })),
    { name: 'store refusal counts', everyMs: 5_000, run: () => commit(audit.coalesce.flushDue()) },
    { name: 'tell of locks', everyMs: 1_000, run: async () => commit(await safeguards.tellNews()) },
    { name: 'erase accounts', everyMs: 30_000, run: () => parts.deletions.eraseDue() },
    { name: 'count sign-ins', everyMs: 10_000, run: () => parts.statistics.count() },
    { name: 'rotate keys', everyMs: 1_000, run: () => signingKeys.rotateDue() },
    // Small batches, often: a large one would hold the writer, and with it every request.
    {
      name: 'sweep expired',
      everyMs: 10_000,
      run: () =>
        commit([
          ...protocol.sweep(),
          outbox.sweep(clock.now() - keepMessagesMs),
          users.links.sweep(clock.now() - keepLinksMs),
          sweepAddressChanges(parts, clock.now() - keepChangesMs),
          devices.sweep(),
          unlocks.sweep(),
          passkeys.sweep(clock.now() - keepLinksMs),
          sweepRegistrations(parts, clock.now() - keepLinksMs),
          sweepEmailSignIns(parts, clock.now() - keepLinksMs),
          ...sweepFederation(parts, clock.now() - keepLinksMs),
        ]),
    },
  ];
  const running = jobs.map((job) => repeat(job, parts.log));
  return {
    async stop() {
      await Promise.all(running.map((stop) => stop()));
      await commit(audit.coalesce.flushAll());
    },
  };
}

/** Runs the job until the returned function is called; a run that fails is logged, and the next one comes all the same. */
function repeat(job: Job, log: Log): () => Promise<void> {
  let stopped = false;
  let current: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const next = () => {
    if (stopped) return;
    timer = setTimeout(() => {
      current = job
        .run()
        .catch((error: unknown) => log.warn({ err: error, job: job.name }, 'a job failed and will be tried again'))
        .finally(next);
    }, job.everyMs);
    timer.unref();
  };
  next();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await current;
  };
}
