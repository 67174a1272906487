import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOutputWriter } from './output-writer.ts';

let folder: string;
let descriptor: number;
let lost: string[];
const writerTo = (path: string, limit = 1_000_000) => {
  descriptor = openSync(path, 'w');
  return createOutputWriter({ descriptor, limit, onLost: (reason) => lost.push(reason) });
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-out-'));
  lost = [];
});
afterEach(() => {
  closeSync(descriptor);
  rmSync(folder, { recursive: true });
});

describe('the output writer', () => {
  it('writes lines in their order', async () => {
    const writer = writerTo(join(folder, 'out'));
    const lines = Array.from({ length: 500 }, (_, index) => `line ${index} ü\n`);
    for (const line of lines) writer.write(line);
    await writer.close();
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe(lines.join(''));
    await writer.close();
  });

  it('loses lines beyond its limit, and takes new ones once there is room', async () => {
    const writer = writerTo(join(folder, 'out'), 10);
    writer.write('12345\n');
    writer.write('1234\n');
    expect(lost).toEqual(['the reader takes them slower than they come']);
    await writer.close();
    writer.write('1234\n');
    await writer.close();
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('12345\n1234\n');
  });

  it('loses lines on a full disk and goes on', async () => {
    const writer = writerTo('/dev/full', 10);
    for (let round = 0; round < 3; round += 1) {
      writer.write('1234\n');
      await writer.close();
    }
    expect(lost).toHaveLength(3);
    expect(lost[0]).toContain('ENOSPC');
    writer.write('1\n');
    writer.write('2\n');
    writer.flushOnce();
    await writer.close();
  });

  it('writes what waits in one attempt when the process ends', async () => {
    const writer = writerTo(join(folder, 'out'));
    writer.write('first\n');
    writer.write('second\n');
    writer.flushOnce();
    writer.flushOnce();
    await writer.close();
    expect(readFileSync(join(folder, 'out'), 'utf8').split('\n').sort()).toEqual(['', 'first', 'second']);
  });
});
