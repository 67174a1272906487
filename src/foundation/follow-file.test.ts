import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, it, vi } from 'vitest';
import { until } from '../../test/kit/until.ts';
import { followFile } from './follow-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-follow-'));
const ends: (() => void)[] = [];
/** No file is left alone for longer, in milliseconds. */
const everySoOften = 10_000;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  for (const end of ends.splice(0)) end();
  vi.useRealTimers();
});
afterAll(() => rmSync(folder, { recursive: true }));

function follow(file: string) {
  let changes = 0;
  ends.push(followFile(file, () => changes++));
  /** How many changes were told, some seconds after the former question. */
  return {
    changes() {
      vi.advanceTimersByTime(everySoOften);
      return changes;
    },
  };
}

/** Of one age, so that a file is known by something else. */
function write(name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  utimesSync(file, 1_790_000_000, 1_790_000_000);
  return file;
}

describe('a followed file', () => {
  it('that changes right after the call is told', async () => {
    const file = write('at-once', 'one');
    const { changes } = follow(file);
    writeFileSync(file, 'other');
    await until('the change is told', () => changes() === 1);
  });

  it('that another of its size and age takes the place of is told', async () => {
    const file = write('replaced', 'one');
    const { changes } = follow(file);
    renameSync(write('next', 'two'), file);
    await until('the change is told', () => changes() === 1);
  });

  it('that is away is told when it comes and when it goes', async () => {
    const file = join(folder, 'away');
    const { changes } = follow(file);
    write('away', 'here');
    await until('its coming is told', () => changes() === 1);
    rmSync(file);
    await until('its going is told', () => changes() === 2);
  });
});
