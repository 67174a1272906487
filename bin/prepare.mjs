/**
 * Does what is missing or out of date, and nothing else: packages, database clients, build, argon2 for this CPU.
 * `node bin/prepare.mjs [generate|build]`. Plain JavaScript without dependencies: it runs before there are any.
 */
import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isTuned, tune } from './build-argon2.mjs';
import { install, isInstalled } from './set-up/install.mjs';
import { whileLocked } from './set-up/lock.mjs';
import { inProject, orExplain } from './set-up/place.mjs';
import { findRuntime, requireLauncher } from './set-up/runtime.mjs';
import { isCurrent, perform, steps } from './set-up/steps.mjs';

/** Brings everything up to date. `upTo` stops after that step. Throws SetUpError, whose message names the remedy. */
export async function prepare(upTo = 'all') {
  requireLauncher();
  // An image carries the build without its sources: there is nothing to make it from, and nowhere to write.
  if (!existsSync(inProject('src'))) return;
  if (isReady(upTo)) return;
  await whileLocked(async () => {
    if (!isInstalled()) await install();
    findRuntime();
    for (const step of wanted(upTo)) if (!isCurrent(step)) await perform(step);
    if (upTo === 'all' && !isTuned()) await tune();
  });
}

function isReady(upTo) {
  return isInstalled() && wanted(upTo).every(isCurrent) && (upTo !== 'all' || isTuned());
}

const wanted = (upTo) => (upTo === 'generate' ? [steps.generate] : [steps.generate, steps.build]);

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await orExplain(() => prepare(process.argv[2]));
}
