// Loaded with `--import` into the server and its writer thread: kills the process the hard way at a named point of a
// transaction that consumes something. POSTERN_TEST_KILL is `point:nth`.
import { DatabaseSync } from 'node:sqlite';

const [point, nth] = (process.env.POSTERN_TEST_KILL ?? '').split(':');
let left = Number(nth ?? 0);
let consumed = false;

const die = () => process.kill(process.pid, 'SIGKILL');
const reached = () => {
  left -= 1;
  if (left <= 0) die();
};

/** What happens around one statement's run, by its text. */
const around = {
  consume(run) {
    const result = run();
    if (result.changes > 0) {
      consumed = true;
      if (point === 'after-consume') reached();
    }
    return result;
  },
  commit(run) {
    const isOurs = consumed;
    consumed = false;
    if (isOurs && point === 'before-commit') reached();
    const result = run();
    if (isOurs && point === 'after-commit') reached();
    return result;
  },
};

const kindOf = (sql) => {
  if (/^\s*COMMIT\b/i.test(sql)) return 'commit';
  return /^\s*UPDATE artifacts SET consumed_at/i.test(sql) ? 'consume' : undefined;
};

if (point) {
  const { prepare } = DatabaseSync.prototype;
  DatabaseSync.prototype.prepare = function prepareWithFault(sql) {
    const statement = prepare.call(this, sql);
    const kind = kindOf(sql);
    if (kind !== undefined) {
      const { run } = statement;
      statement.run = (...values) => around[kind](() => run.apply(statement, values));
    }
    return statement;
  };
}
