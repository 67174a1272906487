import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// First, so that its own clean-up runs first.
import './child.ts';
import type { Account } from './child.ts';

export interface TemporaryFolder {
  readonly path: string;
  readonly remove: () => void;
}

const left = new Set<string>();
// A suite that fails half-way does not clean up; the servers in these folders have been killed by then (child.ts).
process.on('exit', () => left.forEach(remove));

function remove(path: string): void {
  left.delete(path);
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** A new folder of the given account (or ours), with the given mode. */
export function temporaryFolder(
  name: string,
  options: { account?: Account | undefined; mode?: number } = {},
): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), `postern-${name}-`));
  chmodSync(path, options.mode ?? 0o700);
  if (options.account !== undefined) chownSync(path, options.account.uid, options.account.gid);
  left.add(path);
  return { path, remove: () => remove(path) };
}
