import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inProject } from './place.mjs';

/** Every file below the given files and folders, relative to the project. What is missing contributes nothing. */
export function filesIn(paths, accept = () => true) {
  const found = [];
  const visit = (path) => {
    const stat = statSync(inProject(path), { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (!stat.isDirectory()) {
      if (accept(path)) found.push(path);
      return;
    }
    for (const entry of readdirSync(inProject(path))) visit(join(path, entry));
  };
  for (const path of paths) visit(path);
  return found;
}

const hashOf = (path) =>
  createHash('sha256')
    .update(readFileSync(inProject(path)))
    .digest('hex');

/**
 * What the files hold now. A file whose time and size are as recorded is taken to hold what it held, so that looking
 * at an unchanged tree reads nothing but the file system's own index.
 */
export function fingerprint(paths, recorded = {}) {
  const files = {};
  for (const path of paths) {
    const { mtimeMs, size } = statSync(inProject(path));
    const known = recorded[path];
    const hash = known !== undefined && known[0] === mtimeMs && known[1] === size ? known[2] : hashOf(path);
    files[path] = [mtimeMs, size, hash];
  }
  return files;
}

/** Whether two fingerprints hold the same files with the same content. */
export function sameContent(one, other) {
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => other[name] !== undefined && other[name][2] === one[name][2]);
}

/** A record of what a step last saw and made. It lies in node_modules: a new installation redoes what follows from it. */
const recordPath = (step) => inProject('node_modules', `.postern-${step}.json`);

export function readRecord(step) {
  try {
    return JSON.parse(readFileSync(recordPath(step), 'utf8'));
  } catch {
    // Missing or half-written: the step is done again.
    return undefined;
  }
}

export function writeRecord(step, record) {
  const path = recordPath(step);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, JSON.stringify(record));
  renameSync(`${path}.${process.pid}`, path);
}
