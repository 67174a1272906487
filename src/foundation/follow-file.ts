import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/** How often a followed file is looked at, in milliseconds. */
const everyMs = 5_000;

/**
 * Calls `onChange` within some seconds of each change of the file, its coming and its going, and returns how to end
 * that. Follow first and read then: what changes while it is being read is told too, which `fs.watchFile` would miss,
 * since it takes its first look some time after the call.
 */
export function followFile(file: string, onChange: () => void): () => void {
  let known = stampNow(file);
  const look = async (): Promise<void> => {
    const stamp = await stat(file).then(stampOf, () => away);
    if (stamp === known) return;
    known = stamp;
    onChange();
  };
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

interface Stamp {
  readonly mtimeMs: number;
  readonly size: number;
  readonly ino: number;
}

const away = 'away';
/** The inode too: a file that is moved into the place of another may be of its age and size. */
const stampOf = ({ mtimeMs, size, ino }: Stamp): string => `${mtimeMs} ${size} ${ino}`;

function stampNow(file: string): string {
  try {
    return stampOf(statSync(file));
  } catch {
    return away;
  }
}
