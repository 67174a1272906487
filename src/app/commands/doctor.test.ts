import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../foundation/config/load.ts';
import type { Config } from '../../foundation/config/schema.ts';
import { type DoctorFacts, examine } from '../doctor-findings.ts';
import { doctor } from './doctor.ts';

const now = 1_800_000_000_000;
const configOf = (change: Partial<Config> = {}): Config => ({ ...loadConfig({ env: {}, cwd: '/srv' }), ...change });
const publicConfig = (change: Partial<Config> = {}) =>
  configOf({ issuer: 'https://id.example.com', host: '127.0.0.1', trustProxy: ['127.0.0.1/32'], ...change });
const sound: DoctorFacts = {
  config: publicConfig(),
  now,
  fileTime: now + 200,
  freeBytes: 5e9,
  dataDir: { path: '/srv/data', mode: 0o700 },
  secretFiles: [{ path: '/srv/data/encryption.key', mode: 0o600 }],
  keyFile: '/srv/data/encryption.key',
  certificate: undefined,
  database: { pending: [], durability: { kept: true, note: 'synchronous=FULL' }, time: now - 300 },
  keys: [
    { alg: 'ES256', state: 'current' },
    { alg: 'RS256', state: 'current' },
    { alg: 'ES256', state: 'next' },
  ],
  passwords: { departures: [], breached: { path: '/b', entries: 3 } },
  mail: { host: 'smtp.example.com' },
  argon2: { kind: 'compiled', file: 'x' },
};
const findings = (change: Partial<DoctorFacts>) =>
  examine({ ...sound, ...change }).filter(({ level }) => level !== 'ok');
const tls = { cert: '/c.pem', key: '/k.pem' };

describe('postern doctor', () => {
  it('finds nothing wrong with a sound installation, and says which files to keep', async () => {
    let out = '';
    const io = {
      json: false,
      out(text: string) {
        out += text;
      },
      err: () => undefined,
    };
    expect(await doctor(io, sound)).toBe(0);
    expect(out).not.toMatch(/WARNING|PROBLEM/);
    expect(out).toContain('copies of /srv/data/postern.db and of /srv/data/encryption.key');
    expect(out).toContain('without the key the stored private keys cannot be read');
    const remote = examine({ ...sound, keyFile: undefined, config: publicConfig({ databaseFile: undefined }) });
    expect(remote.at(-1)?.message).toContain('the database and of the encryption key (POSTERN_ENCRYPTION_KEY)');
  });

  it('gives every finding a remedy, and fails only on problems', async () => {
    const lines: string[] = [];
    const io = { json: false, out: (text: string) => void lines.push(text), err: () => undefined };
    expect(await doctor(io, { ...sound, argon2: { kind: 'portable', file: 'x' } })).toBe(0);
    expect(lines.join('')).toMatch(/WARNING {2}argon2: .*\n +→ Install a C\+\+ compiler/);
    expect(await doctor({ ...io, json: true }, { ...sound, database: { error: 'It cannot be reached.' } })).toBe(1);
    const told = JSON.parse(lines.at(-1) ?? '') as { level: string; remedy?: string }[];
    for (const { level, remedy } of told)
      expect(level === 'ok' ? remedy : typeof remedy).toBe(level === 'ok' ? undefined : 'string');
  });

  it('says where nobody can have a passkey', () => {
    for (const issuer of ['https://192.0.2.7', 'https://[2001:db8::1]:8443']) {
      const found = findings({ config: publicConfig({ issuer, port: Number(new URL(issuer).port || 443) }) });
      expect(found.map(({ check, level }) => [check, level])).toContainEqual(['passkeys', 'warning']);
    }
    expect(findings({}).map(({ check }) => check)).not.toContain('passkeys');
  });

  it('stops at a configuration that is not valid', () => {
    const problems = [{ where: 'POSTERN_PORT', message: 'Wrong.', remedy: 'Mend it.' }];
    expect(examine({ ...sound, config: { problems } })).toEqual([
      { level: 'problem', check: 'POSTERN_PORT', message: 'Wrong.', remedy: 'Mend it.' },
    ]);
    expect(findings({ config: publicConfig({ warnings: ['X is odd.'] }) })).toMatchObject([{ message: 'X is odd.' }]);
  });

  it.each<[string, Partial<DoctorFacts>, string, string]>([
    ['an issuer for this machine alone', { config: configOf() }, 'warning', 'only be reached from this machine'],
    [
      'an issuer with another port',
      { config: configOf({ port: 3000 }) },
      'warning',
      'port 8080, but Postern listens on 3000',
    ],
    ['own TLS on another port', { config: publicConfig({ tls, trustProxy: [] }) }, 'warning', 'port 443, but Postern'],
    [
      'plain http beside the proxy',
      { config: publicConfig({ host: '0.0.0.0' }) },
      'warning',
      '0.0.0.0:8080 serves plain http',
    ],
    ['a proxy that is not trusted', { config: publicConfig({ trustProxy: [] }) }, 'warning', 'address of the proxy'],
    ['a proxy that anybody is', { config: publicConfig({ trustProxy: ['::/0'] }) }, 'problem', 'choose the address'],
    [
      'a clock apart from the database',
      { database: { pending: [], durability: undefined, time: now + 9000 } },
      'problem',
      'the database is 9 s off',
    ],
    ['a clock apart from the disk', { fileTime: now - 60_000 }, 'problem', 'the disk is -60 s off'],
    ['a disk nearly full', { freeBytes: 5e8 }, 'warning', 'MiB free'],
    ['a full disk', { freeBytes: 1e6 }, 'problem', 'MiB free'],
    ['no data folder', { freeBytes: undefined }, 'warning', 'is not there'],
    ['an open key file', { secretFiles: [{ path: '/k', mode: 0o640 }] }, 'problem', 'can read /k'],
    ['an open data folder', { dataDir: { path: '/d', mode: 0o755 } }, 'warning', 'look into /d'],
    ['a database that is away', { database: { error: 'It cannot be reached.' } }, 'problem', 'cannot be reached'],
    [
      'pending migrations',
      { database: { pending: ['0002_x'], durability: undefined, time: now } },
      'warning',
      '0002_x',
    ],
    [
      'a database that forgets',
      { database: { pending: [], durability: { kept: false, note: 'flush=2' }, time: now } },
      'problem',
      'flush=2',
    ],
    ['keys that cannot be read', { keys: { error: 'Wrong key.' } }, 'problem', 'Wrong key.'],
    ['no keys', { keys: [] }, 'warning', 'none yet'],
    [
      'rules for passwords that do harm',
      { passwords: { departures: ['password.composition.upper'], breached: undefined } },
      'warning',
      '63B-4',
    ],
    [
      'a file of breached passwords that is away',
      { passwords: { departures: [], breached: { error: '/b cannot be read.' } } },
      'problem',
      '/b cannot',
    ],
    ['no mail server', { mail: undefined }, 'warning', 'nothing is sent'],
    ['a mail server that is away', { mail: { host: 'smtp.example.com', error: 'It is away.' } }, 'warning', 'is away'],
    ['a file of places that is broken', { places: { error: '/p is not whole.' } }, 'problem', '/p is not whole'],
    ['an old file of places', { places: { kind: 'City', madeAt: now - 91 * 86_400_000 } }, 'warning', '91 days'],
    ['the portable argon2', { argon2: { kind: 'portable', file: 'x' } }, 'warning', 'portable'],
  ])('finds %s', (_what, change, level, message) => {
    const found = findings(change);
    expect(found).toContainEqual(
      expect.objectContaining({ level, message: expect.stringContaining(message), remedy: expect.any(String) }),
    );
  });

  it.each([
    [{ matchesIssuer: true, matchesKey: true, expiresAt: now + 90 * 86_400_000 }, []],
    [{ matchesIssuer: false, matchesKey: true, expiresAt: now + 90 * 86_400_000 }, ['not for the host name']],
    [{ matchesIssuer: true, matchesKey: false, expiresAt: now + 90 * 86_400_000 }, ['does not belong']],
    [{ matchesIssuer: true, matchesKey: true, expiresAt: now + 3 * 86_400_000 }, ['expires in 3 days']],
    [{ matchesIssuer: true, matchesKey: true, expiresAt: now - 1 }, ['has expired']],
  ])('judges the certificate: %j', (certificate, expected) => {
    const config = publicConfig({ tls, port: 443 });
    const found = findings({ config, certificate });
    expect(found).toHaveLength(expected.length);
    for (const message of expected) expect(found[0]?.message).toContain(message);
  });

  it('does not look at keys and clocks that it could not read', () => {
    expect(
      findings({
        keys: undefined,
        fileTime: undefined,
        database: { pending: [], durability: undefined, time: undefined },
      }),
    ).toEqual([]);
    expect(
      findings({ keys: [{ alg: 'ES256', state: 'current' }], secretFiles: [{ path: '/x', mode: undefined }] }),
    ).toEqual([]);
    expect(findings({ config: publicConfig({ trustProxy: [], tls, port: 443 }) })).toEqual([]);
  });
});
