import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inProject, SetUpError, say } from '../../bin/set-up/place.mjs';

const requirements = inProject('test', 'kit', 'services', 'pyop', 'requirements.txt');
const folder = inProject('.cache', 'python');
/** Says which requirements the environment was made for: one that was left half-made has none. */
const mark = join(folder, 'made-for');

/**
 * Makes the Python environment of the identity provider that the suites sign in at: every package by version and hash,
 * from where pip is set to look. Throws the line that says what went wrong.
 */
export async function providePython() {
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  say('installing the Python identity provider of the tests');
  rmSync(folder, { recursive: true, force: true });
  await run('/usr/bin/python3', ['-m', 'venv', folder]);
  const options = ['--quiet', '--no-deps', '--require-hashes', '--only-binary=:all:', '--disable-pip-version-check'];
  await run(join(folder, 'bin', 'pip'), ['install', ...options, '--requirement', requirements]);
  writeFileSync(mark, wanted);
}

async function run(command, args) {
  try {
    await promisify(execFile)(command, args, { encoding: 'utf8', maxBuffer: 1e8 });
  } catch ({ message, stdout, stderr }) {
    const lines = `${stdout ?? ''}\n${stderr ?? ''}`.split('\n');
    const reason = lines.find((line) => line.startsWith('ERROR')) ?? message.split('\n')[0];
    throw new SetUpError(`missing: ${command} ${args.slice(0, 2).join(' ')} failed (${reason}); see ${requirements}`);
  }
}
