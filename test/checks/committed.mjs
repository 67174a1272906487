import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** Every file that is or would be committed, relative to the project. Without git: every file not ignored by name. */
export function committed() {
  const flags = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  try {
    const list = execFileSync('git', flags, { cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return list.split('\0').filter((file) => file !== '' && existsSync(join(project, file)));
  } catch {
    return walk('');
  }
}

function walk(folder) {
  const ignored = readFileSync(join(project, '.gitignore'), 'utf8')
    .split('\n')
    .map((line) => line.replace(/\/$/, ''));
  return readdirSync(join(project, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name === '.git' || ignored.includes(entry.name) || ignored.includes(path)) return [];
    return entry.isDirectory() ? walk(path) : [path];
  });
}
