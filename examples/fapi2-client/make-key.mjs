/** Makes the client's key: the private half into a file that only its owner reads, the public half for Postern to print. */
import { writeFileSync } from 'node:fs';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';

const file = process.argv[2] ?? 'client-key.json';
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
const [own, open] = await Promise.all([exportJWK(privateKey), exportJWK(publicKey)]);
const about = { kid: await calculateJwkThumbprint(open), alg: 'ES256', use: 'sig' };
writeFileSync(file, JSON.stringify({ ...own, ...about }), { mode: 0o600, flag: 'wx' });
console.log(JSON.stringify({ keys: [{ ...open, ...about }] }));
