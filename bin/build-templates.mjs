/** Makes modules of the Pug templates in the build that lies in the given folder. `node bin/build-templates.mjs DIST` */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inProject } from './set-up/place.mjs';

const [, , dist = inProject('dist')] = process.argv;
// The compiled sources know which templates there are.
const { buildTemplates } = await import(pathToFileURL(join(dist, 'foundation/views/templates.js')).href);
buildTemplates(inProject('views'), join(dist, 'templates'));
