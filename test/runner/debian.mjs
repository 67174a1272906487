import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetUpError, say } from '../../bin/set-up/place.mjs';

const postgres = () => existsSync('/usr/lib/postgresql') && readdirSync('/usr/lib/postgresql').some(hasServer);
const hasServer = (version) => existsSync(`/usr/lib/postgresql/${version}/bin/postgres`);

const hasVenv = () => readdirSync('/usr/lib').some((name) => existsSync(join('/usr/lib', name, 'ensurepip')));

/** The Debian packages whose servers the suites start, and how each is recognised. */
const packages = {
  postgresql: postgres,
  'mariadb-server': () => existsSync('/usr/sbin/mariadbd'),
  chromium: () => existsSync('/usr/bin/chromium'),
  apache2: () => existsSync('/usr/sbin/apache2'),
  'libapache2-mod-auth-openidc': () => existsSync('/usr/lib/apache2/modules/mod_auth_openidc.so'),
  nginx: () => existsSync('/usr/sbin/nginx'),
  openssl: () => existsSync('/usr/bin/openssl'),
  'python3-venv': () => existsSync('/usr/bin/python3') && hasVenv(),
};

/** What the long suites start besides: Keycloak, which Maven brings and Java runs. */
const longPackages = {
  maven: () => existsSync('/usr/bin/mvn'),
  'default-jre-headless': () => existsSync('/usr/bin/java'),
};

/** Installs what is missing when we are root on Debian. Throws the line that says what to install otherwise. */
export function provideServices({ long = false } = {}) {
  const wanted = { ...packages, ...(long ? longPackages : {}) };
  const missing = () => Object.keys(wanted).filter((name) => !wanted[name]());
  const absent = missing();
  if (absent.length === 0) return;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${absent.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) throw new SetUpError(`missing: ${command}`);
  say(`installing ${absent.join(' ')}`);
  withoutStartingServices(() => {
    apt(['update']);
    apt(['install', '-y', '--no-install-recommends', ...absent]);
  });
  if (missing().length > 0) throw new SetUpError(`missing: ${missing().join(' ')}; ${command}`);
}

function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stdout, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8', maxBuffer: 1e8 });
  if (status === 0) return;
  const line = `${stderr}${stdout}`.split('\n').find((text) => text.startsWith('E:')) ?? 'no reason given';
  throw new SetUpError(`apt-get ${args[0]} failed (${line}); run it by hand, then npm test again.`);
}

/** Debian starts a server when its package arrives; the suites start their own, on ports and folders of their own. */
function withoutStartingServices(work) {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    work();
  } finally {
    if (ours) rmSync(policy);
  }
}
