import { explainStart } from './app/explain-start.ts';
import { serve, tryPorts } from './app/serve.ts';
import { systemClock } from './foundation/clock.ts';
import { lockDataDir, prepareDataDir } from './foundation/config/data-dir.ts';
import { loadConfig, processEnvironment } from './foundation/config/load.ts';
import type { Config } from './foundation/config/schema.ts';
import { createIds } from './foundation/ids.ts';
import { systemRandom } from './foundation/random.ts';

/** Loads the configuration, composes, listens, and drains on SIGTERM. */
async function main(): Promise<void> {
  const config = loadConfig({
    argv: argumentsOf(process.argv.slice(2)),
    env: processEnvironment(),
    cwd: process.cwd(),
  });
  await tryPorts(config);
  prepareDataDir(config.dataDir);
  const lock = lockDataDir(config.dataDir);
  try {
    await serveUntilStopped(config);
  } finally {
    lock.release();
  }
  process.exit(0);
}

async function serveUntilStopped(config: Config): Promise<void> {
  const ids = createIds(systemClock, systemRandom);
  const print = (line: string) => process.stdout.write(`${line}\n`);
  // Heard from the first moment on: whoever stops a server that is still starting gets the same clean end.
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const running = await serve({ config, clock: systemClock, random: systemRandom, ids, print });
  await stopped;
  await running.stop();
}

/** `--key value` and `--key=value`; the configuration's loader names those it does not know. */
function argumentsOf(words: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [name = '', value] = word.replace(/^--/, '').split(/=(.*)/s);
    found[name] = value ?? rest.shift() ?? '';
  }
  return found;
}

function fail(error: unknown): void {
  console.error(explainStart(error));
  process.exit(1);
}

main().catch(fail);
