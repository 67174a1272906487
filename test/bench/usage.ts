import { readFileSync } from 'node:fs';

/** Milliseconds of a tick of `/proc`'s clocks: USER_HZ is 100 on every Linux that Node.js runs on. */
const tickMs = 10;

/** The CPU time that all threads of a process have used, in milliseconds (proc(5): utime and stime). */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field is the program's name in brackets, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** The memory of a process that is in RAM, in MB. */
export function residentMbOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kilobytes) / 1024;
}
