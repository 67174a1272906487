/** Generates the Prisma client of each engine into src/generated/<engine>. Needs no database and no network. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { prismaFolder, render } from './render.mjs';

const require = createRequire(import.meta.url);

/** The `prisma` command's own script, so that no shell and no npx stand between. */
function prismaCommand() {
  const manifest = require('prisma/package.json');
  return fileURLToPath(new URL(manifest.bin.prisma, `file://${require.resolve('prisma/package.json')}`));
}

function generate(engine, schema) {
  const env = {
    ...process.env,
    // Any file that can be executed: `generate` only checks that a schema engine is there, and would download one.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
  };
  rmSync(new URL(`../src/generated/${engine}`, prismaFolder), { recursive: true, force: true });
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [prismaCommand(), 'generate', '--no-hints', '--schema', schema], {
      cwd: fileURLToPath(new URL('../', prismaFolder)),
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`prisma generate (${engine}) failed:\n${output}`)),
    );
  });
}

const schemas = render();
try {
  for (const [engine, schema] of Object.entries(schemas)) await generate(engine, schema);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
