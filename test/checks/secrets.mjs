/**
 * Fails when a committed file looks as if it held a secret. `secrets.allowed.json` names files that may, each with its
 * reason; an entry that is no longer needed fails as well. First it proves that it finds what it looks for.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { committed } from './committed.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const allowed = JSON.parse(readFileSync(new URL('secrets.allowed.json', import.meta.url), 'utf8'));

const patterns = {
  'private key (PEM)': /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*[A-Za-z0-9+/=]{20}/,
  'private key (JWK)': /"?\bd"?\s*:\s*["'][A-Za-z0-9_-]{43,}["']/,
  'signed token': /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}/,
  'AWS key': /\bAKIA[0-9A-Z]{16}\b/,
  'GitHub token': /\bgh[pousr]_[A-Za-z0-9]{36}/,
  'npm token': /\bnpm_[A-Za-z0-9]{36}/,
  'Google key': /\bAIza[0-9A-Za-z_-]{35}/,
  'Slack token': /\bxox[baprs]-[0-9A-Za-z-]{10,}/,
  'Stripe key': /\b[rs]k_live_[0-9A-Za-z]{16,}/,
  'password in a URL':
    /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@'"`${}]+:(?!(?:postern|password|pass|secret)@)[^\s/:@'"`${}]{6,}@[a-z0-9]/i,
};
const assignment =
  /(?:secret|password|passphrase|token|api_?key|encryption_?key)\w*["']?\s*[:=]\s*["'`]?([A-Za-z0-9+/_-]{24,}={0,2})/gi;

/** Bits per character: words stay below 4, random base64 of this length lies above. */
function entropy(text) {
  const counts = Map.groupBy([...text], (character) => character);
  return [...counts.values()].reduce(
    (sum, { length }) => sum - (length / text.length) * Math.log2(length / text.length),
    0,
  );
}

const looksRandom = (value) =>
  /[0-9]/.test(value) && /[a-z]/.test(value) && /[A-Z]/.test(value) && entropy(value) > 4.2;

/** The kinds of secret that the text seems to hold. */
function findings(text) {
  const kinds = Object.keys(patterns).filter((kind) => patterns[kind].test(text));
  const random = [...text.matchAll(assignment)].some(([, value]) => looksRandom(value));
  return random ? [...kinds, 'random value'] : kinds;
}

/** Put together here, so that this file holds none of them itself. */
const planted = {
  'private key (PEM)': `-----BEGIN ${'PRIVATE'} KEY-----\n${'MIGH'.repeat(6)}`,
  'private key (JWK)': `{"kty":"EC","d":"${'aB3_'.repeat(11)}"}`,
  'signed token': `eyJ${'hbGciOiJ'.repeat(2)}.eyJ${'zdWIiOiJ'.repeat(2)}.${'c2ln'.repeat(6)}`,
  'GitHub token': `gh${'p_'}${'a1B2'.repeat(9)}`,
  'password in a URL': `postgresql://someone:${'hunter2'}x@db.example/postern`,
  'random value': `clientSecret: '${'q9Xv2LmT7bRz4KwY'}${'8sHc3NdJ6pFg1AeU'}'`,
};
const missed = Object.entries(planted).filter(([kind, text]) => !findings(text).includes(kind));

const files = committed().filter((file) => file !== 'package-lock.json');
const found = files.flatMap((file) =>
  findings(readFileSync(`${root}/${file}`, 'latin1')).map((kind) => ({ file, kind })),
);
const excused = ({ file, kind }) =>
  allowed.some((entry) => entry.file === file && entry.kind === kind && entry.reason !== '');

const complaints = [
  ...missed.map(([kind]) => `this check does not find a planted ${kind}`),
  ...found.filter((finding) => !excused(finding)).map(({ file, kind }) => `${file}: ${kind}`),
  ...allowed
    .filter((entry) => !found.some(({ file, kind }) => entry.file === file && entry.kind === kind))
    .map(({ file, kind }) => `secrets.allowed.json excuses ${file} (${kind}) needlessly`),
  ...(files.length === 0 ? ['no files to look at'] : []),
];
for (const line of complaints) process.stdout.write(`${line}\n`);
process.exit(complaints.length === 0 ? 0 : 1);
