import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { root, SetUpError } from './place.mjs';

/** Runs a program in the project and returns what it wrote. Throws its last words, with the remedy, when it fails. */
export function run(command, args, { env = process.env, remedy }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', (error) => reject(new SetUpError(`${command} does not start (${error.message}); ${remedy}`)));
    child.once('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new SetUpError(`${lastWords(output)}; ${remedy}`));
    });
  });
}

/** The line that says most: the first that looks like an error, else the last one. */
function lastWords(output) {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const line =
    lines.find((text) => /error/i.test(text) && !text.startsWith('npm error code')) ?? lines.at(-1) ?? 'no output';
  return line.slice(0, 300);
}

/** Runs npm with the Node.js it came with, untouched by the npm command that may have started us. */
export function npm(args, remedy) {
  const env = { ...process.env };
  env.PATH = (env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .join(delimiter);
  for (const name of ['package', 'call', 'local_prefix', 'global', 'prefix', 'omit', 'include', 'dry_run']) {
    delete env[`npm_config_${name}`];
  }
  delete env.NODE_ENV;
  return run('npm', args, { env, remedy });
}
