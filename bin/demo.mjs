/**
 * `npm run demo`: Postern with a sample app beside it and a person to sign in as, in a data folder of its own. Nothing
 * of a real installation is read or touched. Runs until Ctrl-C.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { prepare } from './prepare.mjs';
import { inProject, orExplain, SetUpError } from './set-up/place.mjs';
import { findRuntime } from './set-up/runtime.mjs';

const dataDir = process.env.DEMO_DATA_DIR ?? inProject('data', 'demo');
const email = 'ada@example.org';
const clientId = 'demo-app';
/** Without letters and digits that look alike. */
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

/** Those that run, so that they end together. */
const children = [];
let ending = false;

await orExplain(async () => {
  await prepare();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void end(0));
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const port = process.env.POSTERN_PORT ?? '8080';
  const issuer = `http://localhost:${port}`;
  const appPort = await freePort(Number(process.env.DEMO_APP_PORT ?? 3000));
  const appUrl = `http://localhost:${appPort}`;
  // New with each start: there is no password that works on every machine, and none lies in a file.
  const secrets = { password: newSecret(4), clientSecret: newSecret(8) };

  const env = { ...cleanEnvironment(), POSTERN_PORT: port, POSTERN_ISSUER: issuer, POSTERN_DATA_DIR: dataDir };
  await apply(seed(appUrl, secrets), env);
  const logFile = join(dataDir, 'postern.log');
  start('Postern', [inProject('dist', 'main.js')], { ...env, POSTERN_LOG__FILE: logFile });
  await untilAnswers(`${issuer}/.well-known/openid-configuration`);
  const forApp = { ISSUER: issuer, PORT: String(appPort), CLIENT_ID: clientId, CLIENT_SECRET: secrets.clientSecret };
  start('The sample app', [inProject('examples', 'web-app', 'server.mjs')], { ...cleanEnvironment(), ...forApp }, true);
  await untilAnswers(`${appUrl}/`);
  process.stdout.write(instructions({ issuer, appUrl, password: secrets.password }));
});

function instructions({ issuer, appUrl, password }) {
  return `
A sample app runs at ${appUrl}/ and lets people in through Postern at ${issuer}/.

  1. Open      ${appUrl}/ and choose "Sign in"
  2. E-mail    ${email}
     Password  ${password}
  3. Choose    "Allow", and the app greets you

The same account is an administrator: sign in at ${issuer}/ to connect an app of yours.
The password is new with each start. Ctrl-C stops both.
`;
}

/** What the demo needs, as an operator would write it. */
function seed(appUrl, { password, clientSecret }) {
  const claims = { name: 'Ada Lovelace', given_name: 'Ada', family_name: 'Lovelace' };
  return {
    users: [{ email, email_verified: true, password, roles: ['super-admin'], claims }],
    clients: [
      {
        client_id: clientId,
        client_name: 'Sample app',
        client_uri: `${appUrl}/`,
        client_secret: clientSecret,
        redirect_uris: [`${appUrl}/callback`],
        post_logout_redirect_uris: [`${appUrl}/`],
      },
    ],
  };
}

/** Runs `postern apply` with the seed on standard input, so that its secrets are written nowhere. */
function apply(content, env) {
  return new Promise((resolve, reject) => {
    const args = [inProject('dist', 'cli.js'), 'apply', '--reset-credentials', '-f', '-'];
    const child = spawn(findRuntime(), args, { env, cwd: dataDir, stdio: ['pipe', 'ignore', 'pipe'] });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (words += text));
    child.once('close', (code) => (code === 0 ? resolve() : reject(new SetUpError(words.trim()))));
    child.stdin.end(JSON.stringify(content));
  });
}

/** Starts one of the two, in a group of its own: Ctrl-C then reaches it through us, once. When it ends, all end. */
function start(name, args, env, quiet = false) {
  const stdio = ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'];
  const child = spawn(findRuntime(), args, { env, cwd: dataDir, stdio, detached: true });
  children.push(child);
  child.once('close', () => {
    children.splice(children.indexOf(child), 1);
    if (!ending) process.stderr.write(`postern: ${name} ended, so the demo ends.\n`);
    void end(1);
  });
}

/** Ends what runs, then this process. */
async function end(code) {
  if (ending) return;
  ending = true;
  for (const child of children) child.kill('SIGTERM');
  const deadline = Date.now() + 12_000;
  while (children.length > 0 && Date.now() < deadline) await delay(20);
  for (const child of children) child.kill('SIGKILL');
  process.exit(code);
}

async function untilAnswers(url) {
  const deadline = Date.now() + 20_000;
  while (!ending) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    if (Date.now() > deadline) throw new SetUpError(`${url} did not answer within 20 s.`);
    await delay(50);
  }
  // Its last words stand above; `end` ends this process.
  await new Promise(() => {});
}

/** The wished port, or any when somebody listens there. */
function freePort(wished) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => (wished === 0 ? reject(error) : resolve(freePort(0))));
    server.listen(wished, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Everything but the settings of a real installation; where the ports are may be said. */
function cleanEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('POSTERN_') || name.endsWith('_PORT'));
  return Object.fromEntries(kept);
}

/** Groups of five random letters and digits, easy to type. */
function newSecret(groups) {
  const group = () => Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)]).join('');
  return Array.from({ length: groups }, group).join('-');
}
