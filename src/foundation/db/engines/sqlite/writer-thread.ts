import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { SqliteConnection } from './connection.ts';
import { faultOf } from './fault.ts';
import { Groups } from './groups.ts';
import { Leases } from './leases.ts';
import type { Answer, Message, WireGroup } from './wire.ts';

/*
 * The only connection of this process that writes. Two things happen here and never at once: a group of units, which is one
 * commit, or a lease, which is one Prisma transaction. A commit in the main thread would block every request for the time
 * of an fsync.
 */
const { file, busyMs } = workerData as { file: string; busyMs: number };
if (parentPort === null) throw new Error('the writer thread is started by writer.ts');
const port: MessagePort = parentPort;

const connection = new SqliteConnection(file, { readOnly: false, busyMs });
// A page that many commits change is written back to the file once a checkpoint: 16 MB of log in place of SQLite's 4.
connection.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;');
const groups = new Groups(connection, busyMs);
// From here on groups.begin waits for the file itself.
connection.exec('PRAGMA busy_timeout=0');
const answer = (message: Answer): void => port.postMessage(message);
const leases = new Leases(connection, groups, (expired) => answer({ expired }));

const parse = (text: string): WireGroup => JSON.parse(text) as WireGroup;

function close(): void {
  leases.end();
  try {
    connection.exec('PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // Another process is reading: the log stays, and whoever opens the file next goes on with it.
  }
  connection.close();
  setImmediate(() => port.close());
}

function handle(message: Message): unknown {
  switch (message.do) {
    case 'group':
      return groups.run(parse(message.group));
    case 'begin':
      return leases.begin(message.lease, message.limitMs);
    case 'statement':
      return leases.statement(message.lease, message.query, message.read);
    case 'savepoint':
      return leases.savepoint(message.lease, message.sql);
    case 'commit':
      return leases.commit(message.lease, parse(message.group));
    case 'rollback':
      return leases.rollback(message.lease);
    case 'synchronous':
      return connection.pragma('synchronous');
    case 'close':
      return close();
  }
}

port.on('message', (message: Message) => {
  try {
    answer({ id: message.id, value: handle(message) });
  } catch (error) {
    answer({ id: message.id, fault: faultOf(error) });
  }
});
