import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inProject, SetUpError, say } from '../../bin/set-up/place.mjs';

const version = '26.7.3';
const sha256 = '77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47';
const folder = inProject('.cache', 'keycloak');
const copy = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';

/**
 * Brings Keycloak's distribution from Maven Central, or from where Maven is set to look instead. Throws the line that
 * says what went wrong.
 */
export function provideKeycloak() {
  if (existsSync(join(folder, `keycloak-${version}`, 'bin', 'kc.sh'))) return;
  say(`fetching Keycloak ${version}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const artifact = `org.keycloak:keycloak-quarkus-dist:${version}:tar.gz`;
  run('mvn', ['--batch-mode', '--quiet', copy, `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`]);
  const archive = join(folder, `keycloak-quarkus-dist-${version}.tar.gz`);
  const found = createHash('sha256').update(readFileSync(archive)).digest('hex');
  if (found !== sha256) throw new SetUpError(`${archive} is not the Keycloak ${version} that was tested: ${found}`);
  // Next to its place first: an interrupted run leaves no half of it there.
  const unpacked = join(folder, 'unpacked');
  mkdirSync(unpacked);
  run('tar', ['--extract', '--gzip', '--file', archive, '--directory', unpacked]);
  run('mv', [join(unpacked, `keycloak-${version}`), folder]);
  rmSync(archive);
  rmSync(unpacked, { recursive: true });
}

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1e8 });
  if (status === 0) return;
  const lines = `${stdout ?? ''}\n${stderr ?? ''}`.split('\n');
  const reason = error?.message ?? lines.find((line) => line.includes('ERROR')) ?? lines.find(Boolean);
  throw new SetUpError(`missing: Keycloak ${version} for the long suites; ${command} failed (${reason})`);
}
