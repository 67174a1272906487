import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { isEmbeddedInDataDir } from './conflicts.ts';
import { configReference, describeConfig } from './describe.ts';
import { ConfigError, type ConfigProblem } from './errors.ts';
import { readConfigText } from './file.ts';
import { loadConfig, processEnvironment } from './load.ts';
import { configKeys, configSettings } from './schema.ts';

const key = Buffer.alloc(32, 7).toString('base64');
let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'postern-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const file = (name: string, text: string) => {
  writeFileSync(join(cwd, name), text);
  return join(cwd, name);
};
const load = (env: Record<string, string> = {}, argv: Record<string, string> = {}) => loadConfig({ env, argv, cwd });
const problemsOf = (env: Record<string, string> = {}, argv: Record<string, string> = {}): readonly ConfigProblem[] => {
  try {
    load(env, argv);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

describe('the configuration', () => {
  it('needs nothing: every key has a default', () => {
    expect(load()).toMatchObject({
      issuer: 'http://localhost:8080',
      host: '127.0.0.1',
      port: 8080,
      managementHost: '127.0.0.1',
      managementPort: 9000,
      dataDir: join(cwd, 'data'),
      databaseUrl: `file:${join(cwd, 'data/postern.db')}`,
      databaseEngine: 'sqlite',
      databaseFile: join(cwd, 'data/postern.db'),
      encryptionKey: undefined,
      trustProxy: [],
      tls: undefined,
      outbound: { ca: undefined, allow: ['127.0.0.0/8', '::1/128'] },
      geoip: { file: undefined },
      log: { level: 'info', file: undefined },
      warnings: [],
    });
    expect(new Set(Object.values(load().sources))).toEqual(new Set(['default']));
  });

  it('takes command line before environment before file before default', () => {
    file('postern.yaml', 'port: 1001\nhost: 0.0.0.0\nlog: { level: debug }\n');
    const config = load({ POSTERN_PORT: '1002', POSTERN_LOG__LEVEL: 'warn' }, { 'log.level': 'error' });
    expect([config.host, config.port, config.log.level, config.managementPort]).toEqual([
      '0.0.0.0',
      1002,
      'error',
      9000,
    ]);
    expect(config.sources).toMatchObject({
      host: 'postern.yaml:2',
      port: 'POSTERN_PORT',
      'log.level': '--log.level',
      managementPort: 'default',
    });
  });

  it('reads every key from its variable', () => {
    const ca = import.meta.filename;
    const variables = configKeys.map((name) => configSettings[name].variable);
    expect(new Set(variables).size).toBe(configKeys.length);
    const config = load({ POSTERN_TRUST_PROXY: '10.0.0.0/8', POSTERN_OUTBOUND__ALLOW: '10.1.0.0/16' });
    expect([config.trustProxy, config.outbound.allow]).toEqual([['10.0.0.0/8'], ['10.1.0.0/16']]);
    expect(problemsOf({ POSTERN_OUTBOUND__CA: ca })[0]?.message).toContain('holds no certificate');
  });

  it('listens on every address and calls no loopback once the issuer is public', () => {
    const config = load({ POSTERN_ISSUER: 'https://id.example.com' });
    expect([config.host, config.outbound.allow]).toEqual(['0.0.0.0', []]);
  });

  it('is read from the file that POSTERN_CONFIG names', () => {
    file('other.yaml', 'port: 1003');
    expect(load({ POSTERN_CONFIG: 'other.yaml' }).port).toBe(1003);
    expect(problemsOf({ POSTERN_CONFIG: 'missing.yaml' })).toMatchObject([
      { where: 'missing.yaml', message: expect.stringContaining('ENOENT') },
    ]);
  });

  it('takes an empty file and an empty section as nothing', () => {
    file('postern.yaml', '# nothing yet\n');
    expect(load().port).toBe(8080);
    file('postern.yaml', 'log:\ntls: {}\n');
    expect(load().port).toBe(8080);
  });

  it('takes an empty variable as not given', () => expect(load({ POSTERN_PORT: '' }).port).toBe(8080));

  it('reads the environment of this process', () => expect(processEnvironment()).toHaveProperty('PATH'));

  it('refuses a file that cannot be read, with its reason', () => {
    expect(problemsOf({ POSTERN_CONFIG: '.' })[0]?.message).toContain('EISDIR');
  });
});

describe('mistakes', () => {
  it('are all told at once, each with its place and remedy', () => {
    file('postern.yaml', 'issuer: https://id.example.com/\nlog:\n  levle: info\nport: 8080\n');
    const problems = problemsOf(
      { POSTERN_PORT: 'http', POSTERN_TRUST_PROXY: 'x' },
      { managementPort: '99999', prot: '1' },
    );
    expect(problems.map(({ where }) => where).sort()).toEqual(
      ['--managementPort', '--prot', 'POSTERN_PORT', 'POSTERN_TRUST_PROXY', 'postern.yaml:1', 'postern.yaml:3'].sort(),
    );
    for (const { message, remedy } of problems) expect(`${message} ${remedy}`).toMatch(/^[A-Z"].*\. [A-Z].*[.?]$/);
    expect(problems.find(({ where }) => where === 'postern.yaml:3')?.remedy).toBe('Did you mean log.level?');
  });

  it('include a mail server without a sender, and a sender without a mail server', () => {
    expect(problemsOf({ POSTERN_MAIL__URL: 'smtp://u:geheim@mail.example.com' })).toEqual([
      {
        where: 'POSTERN_MAIL__URL',
        message: 'mail.url is given without mail.from.',
        remedy: 'Give mail.from as well.',
      },
    ]);
    expect(problemsOf({ POSTERN_MAIL__FROM: 'id@example.com' })).toMatchObject([
      { message: 'mail.from is given without mail.url.' },
    ]);
  });

  it('read as one line each', () => {
    const error = new ConfigError(problemsOf({ POSTERN_PORT: 'x', POSTERN_HOST: ' ' }));
    expect(error.code).toBe('config_invalid');
    expect(error.message.split('\n')).toHaveLength(2);
    expect(error.message).toContain(
      'POSTERN_PORT: The value of port is not valid. Write a whole number from 0 to 65535.',
    );
  });

  it.each(['redisUrl: redis://x', 'workers: 2', 'outbound: { allowUntrusted: [10.0.0.0/8] }', '? [1, 2]\n: 3'])(
    'include keys whose capability is not built: %s',
    (text) => {
      file('postern.yaml', text);
      expect(problemsOf()).toMatchObject([
        { where: 'postern.yaml:1', message: expect.stringContaining('not a configuration key') },
      ]);
    },
  );

  it.each([
    ['port: 1\nport: 2', 'postern.yaml:2', 'not YAML'],
    ['a: [', 'postern.yaml:1', 'not YAML'],
    ['- port', 'postern.yaml:1', 'not a list of keys'],
    ['log: debug', 'postern.yaml:1', 'is a section'],
    ['host: x\nport:', 'postern.yaml:2', 'has no value'],
    ['host: x\nport: [1]', 'postern.yaml:2', 'port is not valid'],
    ['trustProxy: { a: 1 }', 'postern.yaml:1', 'trustProxy is not valid'],
  ])('in the file %j are told with the line', (text, where, message) => {
    file('postern.yaml', text);
    expect(problemsOf()).toContainEqual(expect.objectContaining({ where, message: expect.stringContaining(message) }));
  });

  it('in the name of a variable only warn', () => {
    const { warnings } = load({ POSTERN_PROT: '1', POSTERN_LOG__LEVLE: 'x', POSTERN_ZZZZZZZZZZ: '', PATH: '/bin' });
    expect(warnings).toEqual([
      'POSTERN_LOG__LEVLE is not a variable of Postern and has no effect. Did you mean POSTERN_LOG__LEVEL?',
      'POSTERN_PROT is not a variable of Postern and has no effect. Did you mean POSTERN_PORT?',
      'POSTERN_ZZZZZZZZZZ is not a variable of Postern and has no effect.',
    ]);
  });

  it('never make the reader throw anything else', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom('port: 1', 'log:', '  level: x', 'tls: &a {cert: *a}', '---', '? a'),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { written, problems } = readConfigText(lines.join('\n'), 'f');
        expect(Array.isArray(written) && Array.isArray(problems)).toBe(true);
        for (const { where } of [...written, ...problems]) expect(where).toMatch(/^f:\d+$/);
      }),
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...configKeys.map((name) => configSettings[name].variable)), fc.string()),
        (env) => {
          expect(Array.isArray(problemsOf(env))).toBe(true);
        },
      ),
    );
  });
});

describe('values that do not go together', () => {
  const files = () => ({ POSTERN_TLS__CERT: file('c.pem', certificate), POSTERN_TLS__KEY: file('k.pem', 'key') });

  it('are a certificate without a key, and TLS on an http issuer', () => {
    const { POSTERN_TLS__CERT, POSTERN_TLS__KEY } = files();
    expect(problemsOf({ POSTERN_TLS__CERT })[0]?.message).toBe('tls.cert is given without tls.key.');
    expect(problemsOf({ POSTERN_TLS__KEY })[0]?.message).toBe('tls.key is given without tls.cert.');
    expect(problemsOf(files())).toMatchObject([{ message: expect.stringContaining('TLS is on') }]);
    const config = load({
      ...files(),
      POSTERN_ISSUER: 'https://id.example.com',
      POSTERN_OUTBOUND__CA: POSTERN_TLS__CERT,
    });
    expect(config.tls).toEqual({ cert: POSTERN_TLS__CERT, key: POSTERN_TLS__KEY });
    expect(config.outbound.ca).toBe(POSTERN_TLS__CERT);
  });

  it('are a place for certificates of clients without what belongs to it', () => {
    const { POSTERN_TLS__CERT, POSTERN_TLS__KEY } = files();
    const messages = (env: Record<string, string>) => problemsOf(env).map(({ message }) => message);
    const port = { POSTERN_MTLS__PORT: '8443' };
    const own = { POSTERN_MTLS__CERT: POSTERN_TLS__CERT, POSTERN_MTLS__KEY: POSTERN_TLS__KEY };
    expect(messages(port)).toEqual(['mtls.port is given without a certificate.']);
    expect(messages({ ...port, POSTERN_MTLS__CERT: POSTERN_TLS__CERT })).toEqual([
      'mtls.cert is given without mtls.key.',
    ]);
    expect(messages({ POSTERN_MTLS__HEADER: 'X-Cert' })).toEqual(['mtls.header is given without trustProxy.']);
    for (const [key, value] of Object.entries({ CA: POSTERN_TLS__CERT, URL: 'https://mtls.example' })) {
      const message = `mtls.${key.toLowerCase()} is given, but nothing asks for certificates.`;
      expect(messages({ [`POSTERN_MTLS__${key}`]: value })).toEqual([message]);
    }
    expect(messages({ ...own, POSTERN_MTLS__PORT: '8080' })).toEqual(['Public and mTLS port are both 8080.']);
    expect(messages({ ...own, POSTERN_MTLS__PORT: '9000' })).toEqual(['Management and mTLS port are both 9000.']);
    const wrong = { PORT: '0', HEADER: 'a b' };
    const wrongUrls = ['http://mtls.example', 'https://a.example/'].map((url): [string, string] => ['URL', url]);
    for (const [key, value] of [...Object.entries(wrong), ...wrongUrls]) {
      expect(messages({ [`POSTERN_MTLS__${key}`]: value })[0]).toContain('is not valid');
    }
  });

  it('where they do, clients are sent to the port by the name of the issuer', () => {
    const port = { ...files(), POSTERN_MTLS__PORT: '8443', POSTERN_ISSUER: 'https://id.example.com' };
    const { POSTERN_TLS__CERT: cert, POSTERN_TLS__KEY: key } = port;
    expect(load(port).mtls).toEqual({ port: { number: 8443, cert, key }, url: 'https://id.example.com:8443' });
    expect(load({ ...port, POSTERN_MTLS__URL: 'https://mtls.example' }).mtls?.url).toBe('https://mtls.example');
    const proxy = { POSTERN_MTLS__HEADER: 'X-Cert', POSTERN_TRUST_PROXY: '10.0.0.0/8', POSTERN_MTLS__CA: cert };
    expect(load(proxy).mtls).toEqual({ header: 'X-Cert', ca: cert });
  });

  it('are files that are not there or hold something else', () => {
    const issuer = { POSTERN_ISSUER: 'https://id.example.com' };
    const [first] = problemsOf({ ...issuer, ...files(), POSTERN_TLS__KEY: 'missing.pem' });
    expect(first).toMatchObject({ where: 'POSTERN_TLS__KEY', message: expect.stringContaining('ENOENT') });
    const [second] = problemsOf({ ...issuer, ...files(), POSTERN_TLS__CERT: file('x.pem', 'none') });
    expect(second?.message).toContain('holds no certificate');
  });

  it('are two ports that are one, unless each takes a free one', () => {
    expect(problemsOf({ POSTERN_PORT: '9000' })).toMatchObject([{ where: 'POSTERN_MANAGEMENT_PORT' }]);
    expect(load({ POSTERN_PORT: '0', POSTERN_MANAGEMENT_PORT: '0' }).port).toBe(0);
  });

  it('are a database elsewhere and no encryption key', () => {
    for (const url of [
      'postgresql://u:geheim@db/x',
      'mysql://u:geheim@db/x',
      'file:elsewhere.db',
      'file:data/../x.db',
    ]) {
      const [problem] = problemsOf({ POSTERN_DATABASE_URL: url });
      expect(problem).toMatchObject({
        where: 'POSTERN_ENCRYPTION_KEY',
        remedy: 'Make one with: openssl rand -base64 32',
      });
      expect(load({ POSTERN_DATABASE_URL: url, POSTERN_ENCRYPTION_KEY: key }).encryptionKey).toEqual([
        Buffer.alloc(32, 7),
      ]);
    }
    expect(isEmbeddedInDataDir({ dataDir: '/d', databaseFile: '/d/deep/x.db' })).toBe(true);
    expect(isEmbeddedInDataDir({ dataDir: '/d', databaseFile: '/' })).toBe(false);
  });
});

describe('a secret', () => {
  it('may lie in a file', () => {
    const config = load({ POSTERN_ENCRYPTION_KEY_FILE: file('key', `${key}\n`) });
    expect(config.encryptionKey).toEqual([Buffer.alloc(32, 7)]);
    expect(config.sources.encryptionKey).toBe('POSTERN_ENCRYPTION_KEY_FILE');
  });

  it('is given once, in a file that is there and not empty', () => {
    const both = { POSTERN_ENCRYPTION_KEY: key, POSTERN_ENCRYPTION_KEY_FILE: file('key', key) };
    expect(problemsOf(both)).toMatchObject([{ where: 'POSTERN_ENCRYPTION_KEY_FILE', remedy: 'Unset one of the two.' }]);
    expect(problemsOf({ POSTERN_ENCRYPTION_KEY_FILE: join(cwd, 'no') })[0]?.message).toContain('ENOENT');
    expect(problemsOf({ POSTERN_DATABASE_URL_FILE: file('empty', '\n') })[0]?.message).toContain('is empty');
  });

  it('is in no message, and in no print', () => {
    const error = new ConfigError(
      problemsOf({ POSTERN_ENCRYPTION_KEY: 'geheim', POSTERN_DATABASE_URL: 'pg://x:geheim@y/z' }),
    );
    expect(JSON.stringify(error) + error.message).not.toContain('geheim');
    const url = 'postgresql://admin:geheim@db.example.com:5432/postern?password=geheim2';
    const text = describeConfig(load({ POSTERN_DATABASE_URL: url, POSTERN_ENCRYPTION_KEY: `${key}` }));
    expect(text).not.toMatch(/geheim|admin/);
    expect(text).not.toContain(key);
    expect(text).toContain('databaseUrl: postgresql://[redacted]@db.example.com:5432/postern # POSTERN_DATABASE_URL');
  });
});

describe('the print', () => {
  it('shows mail server and sender without the password', () => {
    const env = {
      POSTERN_MAIL__URL: 'smtps://u:canary@mail.example.com',
      POSTERN_MAIL__FROM: 'Example <id@example.com>',
    };
    const text = describeConfig(load(env));
    expect(parse(text)).toMatchObject({
      mail: { url: 'smtps://[redacted]@mail.example.com', from: 'Example <id@example.com>' },
    });
    expect(text).not.toContain('canary');
  });

  it('shows every value with its source, as YAML that reads back', () => {
    file('postern.yaml', 'log: { level: debug }');
    const text = describeConfig(load({ POSTERN_PORT: '8081' }));
    expect(text).toContain('port: 8081 # POSTERN_PORT\n');
    expect(text).toContain('  level: debug # postern.yaml:1\n');
    expect(text).toContain('issuer: http://localhost:8080 # default\n');
    expect(parse(text)).toMatchObject({
      port: 8081,
      log: { level: 'debug', file: null },
      trustProxy: [],
      tls: { cert: null },
    });
  });
});

describe('the reference', () => {
  it('has a row for every key', () => {
    const rows = configReference().split('\n');
    for (const name of configKeys) expect(rows.filter((row) => row.startsWith(`| \`${name}\` |`))).toHaveLength(1);
    expect(configReference()).toContain('`POSTERN_ENCRYPTION_KEY`, `POSTERN_ENCRYPTION_KEY_FILE`');
    for (const row of rows.slice(0, -1)) expect(row.match(/(?<!\\)\|/g)).toHaveLength(5);
  });
});

const certificate = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUArYpGVAe5Omu1YttCPW0Fi63KNwwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjEwOTQ4MDlaGA8yMTI2MTAyODA5NDgw
OVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKKI
+52jiOLT8HAOzuSmT6dyFP6WekBWVu9BqRF796A3e7tSAUiTIxYK8ikQhDU3zziV
yaYBfTlajoel9xnt1hajUzBRMB0GA1UdDgQWBBRzPYYIwoFb9Vgy4/6y5nN37nja
+TAfBgNVHSMEGDAWgBRzPYYIwoFb9Vgy4/6y5nN37nja+TAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQCpu1H7PARJz1lhlIDM0qJgr6MhgweZAEgo
2Vcm0kcFnQIhAJ/JcOzkJSDzEUbTop3o+BKZqTZO6fSKHhY8l66CgZ8i
-----END CERTIFICATE-----
`;
