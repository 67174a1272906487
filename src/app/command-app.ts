import { deletionOperations } from '../features/deletions/module.ts';
import { endEmailSignIns } from '../features/email-sign-in/module.ts';
import { createNotices, type Notices } from '../features/notices/module.ts';
import { createEndings, type Endings, type LogoutNotice } from '../features/protocol/module.ts';
import { resetUrl } from '../features/recovery/module.ts';
import { invitationUrl } from '../features/registration/module.ts';
import { setUpUrl } from '../features/set-up/module.ts';
import { createStatistics, type Statistics } from '../features/statistics/module.ts';
import { systemClock } from '../foundation/clock.ts';
import { loadConfig, processEnvironment } from '../foundation/config/load.ts';
import type { Config } from '../foundation/config/schema.ts';
import { createIds } from '../foundation/ids.ts';
import { createMailQueue } from '../foundation/mail/mail.ts';
import { createOutbox } from '../foundation/outbox/outbox.ts';
import { systemRandom } from '../foundation/random.ts';
import { type CoreFeatures, composeCore, type Foundations } from './compose-features.ts';
import { openStore } from './open-store.ts';

/** What a command works with: the features without pages and protocol, beside a server that may be running. */
export interface CommandApp extends Foundations, CoreFeatures {
  readonly endings: Endings;
  readonly notices: Notices;
  readonly deletions: ReturnType<typeof deletionOperations>;
  readonly statistics: Statistics;
  readonly setUpUrl: (secret: string) => string;
  readonly resetUrl: (secret: string) => string;
  readonly invitationUrl: (secret: string) => string;
  readonly keyFile: string | undefined;
  close(): Promise<void>;
}

/** The configuration as the server would load it from here. Throws `config_invalid`. */
export const commandConfig = (): Config => loadConfig({ env: processEnvironment(), cwd: process.cwd() });

/** Opens everything a command needs. Migrates first, as a start does. */
export async function openCommandApp(): Promise<CommandApp> {
  const config = commandConfig();
  const ids = createIds(systemClock, systemRandom);
  const base = { config, clock: systemClock, random: systemRandom, ids };
  const { database, keyRing, keyFile } = await openStore(base);
  const foundations = { ...base, database, keyRing };
  try {
    const core = await composeCore(foundations);
    // Commands only put messages in; the server delivers them.
    const outbox = createOutbox({ ...foundations, kinds: {} });
    const notice = (body: LogoutNotice) => outbox.put('logout', body);
    const alongside = (id: string) => [core.devices.forgetAll(id), endEmailSignIns(foundations, id)];
    const endings = createEndings({ ...foundations, ...core, notice, alongside });
    const close = () => database.close();
    const { issuer } = config;
    const mail = createMailQueue({ ...foundations, issuer, outbox, isOn: config.mail !== undefined });
    const notices = createNotices({ ...foundations, issuer, mail });
    const urls = {
      setUpUrl: (secret: string) => setUpUrl(issuer, secret),
      resetUrl: (secret: string) => resetUrl(issuer, secret),
      invitationUrl: (secret: string) => invitationUrl(issuer, secret),
    };
    return {
      ...foundations,
      ...core,
      ...urls,
      endings,
      notices,
      deletions: deletionOperations(foundations),
      statistics: createStatistics(foundations),
      keyFile,
      close,
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}
