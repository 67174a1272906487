/**
 * For the image, loaded before anything else (`node --import`): chooses the build of argon2 by what the CPU can do. One
 * image runs on many machines, and the fast build ends the process with an illegal instruction where the CPU lacks one.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What x86-64-v3 asks of a CPU (x86-64 psABI, micro-architecture levels), in the words of /proc/cpuinfo. */
const v3 = ['avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'xsave'];

/** Whether every flag of x86-64-v3 is among those of the first core. */
export function canRunV3(cpuinfo) {
  const flags = new Set(/^flags\s*:\s*(.*)$/m.exec(cpuinfo)?.[1].split(' '));
  return v3.every((flag) => flags.has(flag));
}

const tuned = fileURLToPath(new URL('../argon2/x86-64-v3', import.meta.url));
if (process.arch === 'x64' && existsSync(tuned) && canRunV3(readFileSync('/proc/cpuinfo', 'latin1'))) {
  process.env.ARGON2_PREBUILD ??= tuned;
}
