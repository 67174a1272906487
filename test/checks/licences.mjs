/** Fails when a package that runs in production has a licence that does not go with Apache-2.0. */
import { readFileSync } from 'node:fs';

const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'MIT-0',
  'OFL-1.1',
  'Unlicense',
]);

/** Packages with another licence, each with the reason why it may stay. */
const exceptions = {
  mariadb: [
    'LGPL-2.1-or-later',
    'used unchanged as a separate, replaceable package, which section 6 of the licence permits',
  ],
};

/** `(A OR B)` needs one, `A AND B` both. */
function isAllowed(expression) {
  const plain = expression.replace(/^\((.*)\)$/, '$1');
  if (plain.includes(' OR ')) return plain.split(' OR ').some(isAllowed);
  return plain.split(' AND ').every((licence) => allowed.has(licence));
}

const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));
// devOptional: reached only through development packages and optional peers, which production leaves out.
const shipped = Object.entries(packages).filter(([path, entry]) => path !== '' && !entry.dev && !entry.devOptional);
const refused = shipped
  .map(([path, { license, version }]) => ({
    name: path.replace(/^.*node_modules\//, ''),
    license: license ?? 'none',
    version,
  }))
  .filter(({ name, license }) => !isAllowed(license) && exceptions[name]?.[0] !== license);

for (const { name, version, license } of refused) process.stdout.write(`${name} ${version}: ${license}\n`);
if (shipped.length === 0) process.stdout.write('the lockfile names no package\n');
process.exit(refused.length === 0 && shipped.length > 0 ? 0 : 1);
