import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hash } from 'argon2';
import { runtimeEnvironment, runtimeFlags } from '../../bin/set-up/runtime.mjs';
import { composeCore } from '../../src/app/compose-features.ts';
import { openStore } from '../../src/app/open-store.ts';
import { byOperator } from '../../src/features/audit/module.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { loadConfig } from '../../src/foundation/config/load.ts';
import { createIds } from '../../src/foundation/ids.ts';
import { systemRandom } from '../../src/foundation/random.ts';
import { cleanEnvironment, startChild } from '../kit/services/child.ts';
import { temporaryFolder } from '../kit/services/folder.ts';
import { freePort } from '../kit/services/free-port.ts';
import { MailServer } from '../kit/services/mail-server.ts';
import { until } from '../kit/until.ts';
import { auc, median } from './auc.ts';
import { Caller } from './caller.ts';
import { client, comparable, type Flow, flows, known, settings, unknown } from './flows.ts';

/*
 * `npm run test:timing [PAIRS]`: whether time, bytes, headers or cookies tell who has an account, against Postern as it
 * is shipped, in a process of its own. Pairs are interleaved in random order, so that whatever else the machine does
 * touches both. Not part of `npm test`: it takes minutes, and chance may fail it once in some ten thousand runs.
 */

/** With a thousand pairs chance moves the area by 0.013 (one standard deviation). */
const pairs = Number(process.argv[2] ?? 1000);
const warmUp = 30;
const bounds = { least: 0.45, most: 0.55 };

/** Fills the data folder of a server that is not running. */
async function layIn(env: NodeJS.ProcessEnv, cwd: string): Promise<void> {
  const ids = createIds(systemClock, systemRandom);
  const base = { config: loadConfig({ env, cwd }), clock: systemClock, random: systemRandom, ids };
  const store = await openStore(base);
  try {
    const core = await composeCore({ ...base, ...store });
    await core.settings.set({ ...settings, limits: { anonymousPerMinute: 1_000_000 } }, byOperator);
    await core.clients.create(client, byOperator);
    const { memory, time, parallelism } = core.settings.current().password.hash;
    const cost = { memoryCost: memory, timeCost: time, parallelism };
    const phc = await hash('lamp oil for the lighthouse', cost);
    for (let index = 0; index < warmUp + pairs; index += 1) {
      const user = { email: known(index), email_verified: true };
      await core.users.create(user, byOperator, async (id) => core.passwords.fromHash(id, phc, byOperator));
    }
  } finally {
    await store.database.close();
  }
}

interface Result {
  readonly name: string;
  readonly known: number;
  readonly unknown: number;
  readonly area: number;
  /** Answers that differ from the first one. */
  readonly different: number;
}

async function measure(caller: Caller, flow: Flow): Promise<Result> {
  const ask = await flow.open(caller);
  const times = { known: [] as number[], unknown: [] as number[] };
  const seen = new Map<string, number>();
  const one = async (kind: keyof typeof times, index: number): Promise<void> => {
    const email = kind === 'known' ? known(index) : unknown(index);
    const answer = await caller.send(ask(email));
    if (answer.status >= 429) throw new Error(`${flow.name} answered ${answer.status}:\n${answer.body}`);
    if (index < warmUp) return;
    times[kind].push(answer.ms);
    const said = comparable(answer, email);
    seen.set(said, (seen.get(said) ?? 0) + 1);
  };
  for (let index = 0; index < warmUp + pairs; index += 1) {
    const order =
      (systemRandom.bytes(1)[0] ?? 0) % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const);
    for (const kind of order) await one(kind, index);
  }
  return {
    name: flow.name,
    known: median(times.known),
    unknown: median(times.unknown),
    area: auc(times.known, times.unknown),
    different: 2 * pairs - Math.max(...seen.values()),
  };
}

const isSound = ({ area, different }: Result): boolean =>
  different === 0 && area >= bounds.least && area <= bounds.most;

function print(results: readonly Result[]): void {
  const rows = [
    ['', 'pairs', 'known ms', 'unknown ms', 'AUC', 'answers that differ', ''],
    ...results.map((result) => [
      result.name,
      String(pairs),
      result.known.toFixed(3),
      result.unknown.toFixed(3),
      result.area.toFixed(3),
      String(result.different),
      isSound(result) ? 'ok' : 'TELLS WHO HAS AN ACCOUNT',
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

const main = join(import.meta.dirname, '../../dist/main.js');
if (!existsSync(main)) throw new Error('nothing is built: npm run build');
if (!Number.isInteger(pairs) || pairs < 500) throw new Error('at least 500 pairs');
const mail = new MailServer();
await mail.start();
const folder = temporaryFolder('timing');
const port = await freePort();
const env = {
  ...cleanEnvironment(),
  ...runtimeEnvironment,
  NODE_ENV: 'production',
  POSTERN_DATA_DIR: folder.path,
  POSTERN_PORT: String(port),
  POSTERN_MANAGEMENT_PORT: String(await freePort()),
  POSTERN_ISSUER: `http://localhost:${port}`,
  POSTERN_TRUST_PROXY: '127.0.0.0/8',
  POSTERN_MAIL__URL: mail.url,
  POSTERN_MAIL__FROM: 'id@example.org',
};
await layIn(env, folder.path);
const server = startChild(process.execPath, [...runtimeFlags, main], { env });
const caller = new Caller(`http://localhost:${port}`);
const answers = () =>
  caller.send({ path: '/jwks' }).then(
    ({ status }) => status === 200,
    () => false,
  );
await until('the server answers', answers, 30_000);
const results: Result[] = [];
for (const flow of flows) results.push(await measure(caller, flow));
caller.close();
await server.stop();
await mail.stop();
folder.remove();
print(results);
process.exitCode = results.every(isSound) ? 0 : 1;
