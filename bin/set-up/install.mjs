import { existsSync, readFileSync } from 'node:fs';
import { fingerprint, readRecord, sameContent, writeRecord } from './fingerprint.mjs';
import { inProject, say } from './place.mjs';
import { npm } from './run.mjs';
import { usesGlibc } from './runtime.mjs';

const step = 'install';
const platform = `${process.platform}-${process.arch}`;

/** Whether the packages of the lockfile are in node_modules. */
export function isInstalled() {
  const record = readRecord(step);
  const now = fingerprint(['package-lock.json'], record?.inputs);
  if (record !== undefined) return record.platform === platform && sameContent(now, record.inputs);
  return holdsLockedPackages();
}

/**
 * Installs what the lockfile names, nothing else. No package's install script is run: all of ours ship what they need,
 * and a script is the way a compromised package would take this machine.
 */
export async function install() {
  if (!holdsLockedPackages()) {
    say('installing packages (npm ci), about half a minute');
    const flags = [
      '--ignore-scripts',
      '--include=dev',
      '--include=optional',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ];
    await npm(['ci', ...flags], 'see that npm reaches its registry, then run `npm ci` and this again.');
  }
  writeRecord(step, { platform, inputs: fingerprint(['package-lock.json']) });
}

/** Compares npm's own list of what it installed with the lockfile; covers an installation made by hand. */
function holdsLockedPackages() {
  const installedList = inProject('node_modules', '.package-lock.json');
  if (!existsSync(installedList)) return false;
  const installed = JSON.parse(readFileSync(installedList, 'utf8')).packages;
  const locked = JSON.parse(readFileSync(inProject('package-lock.json'), 'utf8')).packages;
  return Object.entries(locked).every(([path, entry]) => {
    if (path === '') return true;
    const present = installed[path];
    if (present === undefined) return !forThisPlatform(entry);
    return present.version === entry.version && present.integrity === entry.integrity;
  });
}

/** Absent may be what is for another platform, and the optional packages that only such packages need. */
function forThisPlatform({ os, cpu, libc, optional, devOptional, peer }) {
  if (!optional && !devOptional && !peer) return true;
  if (os === undefined && cpu === undefined) return false;
  const fits = (list, value) => list === undefined || list.includes(value);
  return fits(os, process.platform) && fits(cpu, process.arch) && fits(libc, usesGlibc() ? 'glibc' : 'musl');
}
