import { composeCore } from '../../src/app/compose-features.ts';
import { openStore } from '../../src/app/open-store.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { loadConfig } from '../../src/foundation/config/load.ts';
import { createIds } from '../../src/foundation/ids.ts';
import { systemRandom } from '../../src/foundation/random.ts';

/** The private parts of the signing keys that an installation holds, decrypted as the server does it. */
export async function privateSigningKeys(env: NodeJS.ProcessEnv): Promise<string[]> {
  const variables = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const config = loadConfig({ env: Object.fromEntries(variables), cwd: env.POSTERN_DATA_DIR ?? '/' });
  const base = { config, clock: systemClock, random: systemRandom, ids: createIds(systemClock, systemRandom) };
  const store = await openStore(base);
  const core = await composeCore({ ...base, ...store });
  const keys = core.signingKeys.current().active.map(({ privateJwk }) => String(privateJwk.d));
  await store.database.close();
  return keys;
}
