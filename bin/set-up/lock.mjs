import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { inProject, SetUpError, say } from './place.mjs';

const path = inProject('.cache', 'set-up.lock');
const patience = 15 * 60_000;

/** Runs `work` while no other process sets up the same folder. A lock whose owner is gone is taken over. */
export async function whileLocked(work) {
  await acquire();
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

async function acquire() {
  const deadline = Date.now() + patience;
  for (let told = false; !take(); told = true) {
    const owner = ownerPid();
    if (!told) say(`waiting for another set-up of this folder (process ${owner || 'unknown'})`);
    if (!isAlive(owner)) rmSync(path, { force: true });
    else if (Date.now() > deadline)
      throw new SetUpError(`another set-up never ended; stop process ${owner} and run this again.`);
    else await delay(200);
  }
}

function take() {
  try {
    mkdirSync(inProject('.cache'), { recursive: true });
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw new SetUpError(
      `cannot write to ${inProject('.cache')} (${error.code}); set up as a user who may write to this folder.`,
    );
  }
}

function ownerPid() {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return 0;
  }
}

/** An empty file is one that its owner has not written yet, unless it is old. */
function isAlive(pid) {
  if (!(pid > 0)) return (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > Date.now() - 5_000;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
