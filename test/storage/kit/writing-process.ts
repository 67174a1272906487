/**
 * A process that writes to a database until it is killed, or COUNT times: `writing-process.ts URL PREFIX [COUNT]`.
 * Prints the key of each change once it is acknowledged. A change is two rows of one unit, or of one transaction.
 */
import { systemClock } from '../../../src/foundation/clock.ts';
import { openDatabase } from '../../../src/foundation/db/open.ts';
import { type Operation, statement, type Value } from '../../../src/foundation/db/statement.ts';
import { ids } from './engines.ts';

const ISSUE = statement('test.issue', "INSERT INTO artifacts (id, kind, payload) VALUES (?1, 'code', '{}')");
const AUDIT = statement(
  'test.audit',
  "INSERT INTO audit_events (id, time, type, outcome, actor_kind, details, subject) VALUES (?1, ?2, 'test', 'success', 'system', '{}', ?3)",
);
const must = (of: typeof ISSUE, ...params: Value[]): Operation => ({ statement: of, params, mustHit: true });

const [url = '', prefix = '', count = 'Infinity'] = process.argv.slice(2);
const database = await openDatabase({ url });
const audit = (key: string): Operation => must(AUDIT, ids.next(), systemClock.now(), key);

async function byUnit(key: string): Promise<void> {
  await database.commit({ operations: [must(ISSUE, key), audit(key)], fallback: [] });
}

async function byTransaction(key: string): Promise<void> {
  await database.together(async (tx, also) => {
    also(audit(key));
    await tx.artifact.create({ data: { id: key, kind: 'code', payload: '{}' } });
  });
}

async function lane(number: number): Promise<void> {
  for (let index = 0; index < Number(count); index++) {
    const key = `${prefix}-${number}-${index}`;
    await (number === 0 ? byTransaction(key) : byUnit(key));
    process.stdout.write(`${key}\n`);
  }
}

await Promise.all(count === 'Infinity' ? [0, 1, 2, 3].map(lane) : [lane(0)]);
await database.close();
