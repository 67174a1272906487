/** `npm run docs`: writes `docs/reference/` from the schemas, and the overview of `docs/conformance/` from its pages. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { conformancePage } from './conformance.ts';
import { referencePages } from './pages.ts';

const docs = join(import.meta.dirname, '../../docs');
const folder = join(docs, 'reference');
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(await referencePages())) writeFileSync(join(folder, name), text);
writeFileSync(join(docs, 'conformance/README.md'), conformancePage());
