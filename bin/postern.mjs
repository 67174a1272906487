#!/usr/bin/env node
/** `npx postern …`: sets up like `npm start` when needed, then runs the operator command with the pinned Node.js. */
import { prepare } from './prepare.mjs';
import { inProject, orExplain } from './set-up/place.mjs';
import { handOver } from './set-up/runtime.mjs';

await orExplain(async () => {
  await prepare();
  await handOver(inProject('dist', 'cli.js'), process.argv.slice(2));
});
