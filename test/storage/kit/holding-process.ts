/** A process that holds the writer of a SQLite file until it is killed: `holding-process.ts FILE`. Says `held` when it does. */
import { Writer } from '../../../src/foundation/db/engines/sqlite/writer.ts';

const writer = new Writer({ file: process.argv[2] ?? '', leaseMs: 60_000 });
await writer.lease();
process.stdout.write('held\n');
