/** `npm start`: sets up what is missing or out of date, then serves. */
import { prepare } from './prepare.mjs';
import { inProject, orExplain } from './set-up/place.mjs';
import { handOver } from './set-up/runtime.mjs';

await orExplain(async () => {
  await prepare();
  await handOver(inProject('dist', 'main.js'), process.argv.slice(2));
});
