import { isAbsolute, join } from 'node:path';
import type { Settings } from '../settings/module.ts';
import { breachedHash, entriesOf, isInFile } from './breached-file.ts';

/** Where a list of breached passwords is looked at. */
export type BreachedSource = 'file' | 'service';

/** What was found. A list that cannot be asked stops nobody: it is told of in the log and in the audit. */
export interface BreachedAnswer {
  readonly found: boolean;
  readonly unasked: readonly BreachedSource[];
}

export interface BreachedParts {
  readonly config: { readonly dataDir: string };
  /** Calls the service, under the rules for outbound calls. */
  readonly fetch: (url: string, init: { headers: Record<string, string>; signal: AbortSignal }) => Promise<Response>;
  /** Told of every list that could not be asked. */
  readonly onUnasked: (source: BreachedSource, error: unknown) => void;
}

/** Somebody waits for the answer. */
const patienceMs = 2000;

/** Looks a password up in the lists of breached ones that the settings name. */
export function createBreached({ config, fetch, onUnasked }: BreachedParts) {
  async function inService(service: string, password: string): Promise<boolean> {
    const hash = breachedHash(password).toString('hex').toUpperCase();
    // The service sees five of forty digits (k-anonymity), and answers of one length for all (`Add-Padding`).
    const address = `${service.replace(/\/$/, '')}/${hash.slice(0, 5)}`;
    const headers = { 'add-padding': 'true' };
    const answer = await fetch(address, { headers, signal: AbortSignal.timeout(patienceMs) });
    if (answer.status !== 200) throw new Error(`the service answered ${answer.status}`);
    const wanted = hash.slice(5);
    // What pads the answer was never seen: its count is 0.
    return (await answer.text()).split(/\r?\n/).some((line) => {
      const [suffix = '', count = ''] = line.split(':');
      return suffix.toUpperCase() === wanted && Number(count) > 0;
    });
  }

  return async (password: string, { password: { breached } }: Settings): Promise<BreachedAnswer> => {
    const unasked: BreachedSource[] = [];
    const asks: [BreachedSource, string, () => Promise<boolean>][] = [
      ['file', breached.file, () => isInFile(breachedPath(config, breached.file), password)],
      ['service', breached.service, () => inService(breached.service, password)],
    ];
    for (const [source, name, ask] of asks) {
      if (name === '') continue;
      try {
        if (await ask()) return { found: true, unasked };
      } catch (error) {
        onUnasked(source, error);
        unasked.push(source);
      }
    }
    return { found: false, unasked };
  };
}

/** Relative paths start at the data folder. */
const breachedPath = ({ dataDir }: BreachedParts['config'], file: string): string =>
  isAbsolute(file) ? file : join(dataDir, file);

/** The file that the settings name and its number of entries; undefined where they name none. Throws `breached_file`. */
export async function breachedFile(
  config: BreachedParts['config'],
  { password }: Settings,
): Promise<{ path: string; entries: number } | undefined> {
  const { file } = password.breached;
  if (file === '') return undefined;
  const path = breachedPath(config, file);
  return { path, entries: await entriesOf(path) };
}
