import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Operator, openOperator } from '../kit/operator.ts';

const ada = { email: 'ada@example.org', password: 'lamp oil for the lighthouse' };
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const uuid = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/;

let operator: Operator;
beforeAll(async () => {
  operator = await openOperator();
  await operator.apply({
    users: [{ ...ada, email_verified: true, claims: { name: 'Ada Lovelace' } }],
    clients: [{ client_id: 'books', client_secret: 's'.repeat(40), redirect_uris: ['https://app.example/callback'] }],
  });
});
afterAll(() => operator.close());

describe('results of commands beside a running server', () => {
  it('shows a person as CONTRACT says, found by address or id', async () => {
    const shown = await operator.json('user', 'show', 'ADA@example.org');
    expect(shown).toMatchObject({ email: ada.email, email_verified: true, disabled: false, roles: [] });
    expect(shown['id']).toMatch(uuid);
    expect(shown['created_at']).toMatch(isoTime);
    expect(JSON.stringify(shown)).not.toMatch(/argon2|password/);
    expect(await operator.json('user', 'list')).toEqual([shown]);
  });

  it('gives a new client its id and secret once, and shows it without', async () => {
    const uri = 'https://one.example/cb';
    const made = await operator.json('client', 'create', '--name', 'One', '--redirect-uri', uri);
    expect(Object.keys(made).toSorted()).toEqual(['client_id', 'client_secret']);
    expect(made['client_secret']).toMatch(/^postern_cs_[\w-]{43}$/);
    const id = String(made['client_id']);
    const shown = await operator.json('client', 'show', id);
    expect(shown).toMatchObject({ client_id: id, client_name: 'One', redirect_uris: [uri], disabled: false });
    expect(shown['secrets']).toEqual([{ expires_at: null }]);
    expect(JSON.stringify(shown)).not.toContain(made['client_secret']);
    const rotated = await operator.json('client', 'rotate-secret', id);
    expect(Object.keys(rotated).toSorted()).toEqual(['client_id', 'client_secret']);
    expect(rotated['client_secret']).not.toBe(made['client_secret']);
  });

  it('makes a public client without a secret', async () => {
    const made = await operator.json('client', 'create', 'phone', '--public', '--redirect-uri', 'https://p.example/cb');
    expect(made).toEqual({ client_id: 'phone' });
  });

  it('lists keys with id, algorithm and state alone', async () => {
    const keys = await operator.json<Record<string, string>[]>('keys', 'list');
    expect(keys.map(({ alg, state }) => `${alg} ${state}`).toSorted()).toEqual(['ES256 current', 'RS256 current']);
    for (const key of keys) expect(Object.keys(key)).toEqual(['kid', 'alg', 'state']);
  });

  it('prints links as url and expires_at, one to a line without --json', async () => {
    for (const args of [
      ['admin', 'create', '--email', 'new@example.org'],
      ['admin', 'recover'],
    ]) {
      const { url, expires_at, ...rest } = await operator.json(...args);
      expect(rest).toEqual({});
      expect(String(url).startsWith(`${operator.server.url}/setup?key=`)).toBe(true);
      expect(expires_at).toMatch(isoTime);
    }
    const { stdout, stderr } = await operator.run('admin', 'recover');
    expect(stdout).toMatch(new RegExp(`^${operator.server.url}/setup\\?key=[\\w-]{43}\n$`));
    expect(stderr).toContain('works once');
  });

  it('makes an administrator with the password of a file', async () => {
    const file = operator.file('password', 'a lighthouse keeper at dawn\n');
    const made = await operator.json('admin', 'create', '--email', 'root@example.org', '--password-file', file);
    expect(made).toMatchObject({ email: 'root@example.org', email_verified: true, disabled: false });
    expect(await operator.json('user', 'show', 'root@example.org')).toMatchObject({ roles: ['super-admin'] });
  });

  it('prints settings that can be applied again without a change', async () => {
    const printed = await operator.run('settings', 'print');
    const settings = await operator.json('settings', 'print');
    expect(settings).toMatchObject({ refresh: { graceSeconds: 10 }, password: { minLength: 15 } });
    const indented = printed.stdout.replaceAll(/^/gm, '  ');
    const again = await operator.run('apply', '-f', operator.file('settings.yaml', `settings:\n${indented}`));
    expect(again).toMatchObject({ code: 0, stdout: '', stderr: 'Nothing to do.\n' });
  });

  it('checks and prints the configuration with its sources and without secrets', async () => {
    expect(await operator.json('config', 'check')).toEqual({ valid: true, problems: [], warnings: [] });
    const values = await operator.json<{ key: string; value: unknown; source: string }[]>('config', 'print');
    const of = (name: string) => values.find(({ key }) => key === name);
    expect(of('issuer')).toEqual({ key: 'issuer', value: operator.server.url, source: 'POSTERN_ISSUER' });
    expect(of('log.level')).toEqual({ key: 'log.level', value: 'info', source: 'default' });
    const text = await operator.run('config', 'print', '--redacted');
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toContain(`issuer: ${operator.server.url} # POSTERN_ISSUER\n`);
  });

  it('counts sign-ins, in words and as JSON', async () => {
    const report = await operator.json('stats', '--since', '1d');
    expect(report).toMatchObject({ since: expect.any(String), active: expect.any(Number), ended: { by_reason: [] } });
    expect((await operator.run('stats')).stdout).toMatch(/^\d+ sign-ins since \d{4}-\d\d-\d\d, /);
    expect(await operator.run('stats', '--since', 'yesterday')).toMatchObject({ code: 2, stdout: '' });
  });

  it('finds this installation in order, with the precious file named', async () => {
    const findings = await operator.json<{ level: string; check: string; message: string }[]>('doctor');
    expect(findings.filter(({ level }) => level === 'problem')).toEqual([]);
    const checks = [
      'issuer',
      'proxy',
      'clock',
      'disk',
      'file modes',
      'migrations',
      'durability',
      'signing keys',
      'passwords',
    ];
    expect(findings.map(({ check }) => check)).toEqual([...checks, 'mail', 'argon2', 'backup']);
    expect(findings.at(-1)?.message).toContain('encryption.key');
  });

  it('has nothing to migrate', async () => {
    expect(await operator.json('migrate', '--plan')).toEqual({ pending: [] });
    expect(await operator.json('migrate')).toEqual({ applied: [] });
  });

  it('tells that the server is healthy', async () => {
    expect(await operator.json('healthcheck')).toMatchObject({ status: 'UP' });
  });
});

describe('the audit of what commands did', () => {
  interface Event {
    readonly id: string;
    readonly time: string;
    readonly type: string;
    readonly client?: string;
    readonly subject?: string;
  }
  const events = async (...filters: string[]): Promise<Event[]> => {
    const { stdout } = await operator.run('audit', '--json', ...filters);
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Event);
  };

  it('is one JSON object a line, in the order of time, with the fields of CONTRACT §6', async () => {
    const all = await events();
    expect(all.map(({ time }) => time)).toEqual(all.map(({ time }) => time).toSorted());
    expect(all.find(({ type, client }) => type === 'client.created' && client === 'books')).toMatchObject({
      outcome: 'success',
      actor: { kind: 'system', name: 'command line' },
      client: 'books',
      details: {},
    });
  });

  it('filters by client, person, type and time', async () => {
    const { id } = await operator.json<{ id: string }>('user', 'show', ada.email);
    const ofPerson = await events('--user', ada.email);
    const ofType = await events('--type', 'link.created', '--since', '1h');
    const newest = await events('--since', '2020-01-01T00:00:00Z', '--limit', '1');
    expect(ofPerson.map(({ type, subject }) => [type, subject])).toEqual([
      ['user.created', id],
      ['password.changed', id],
    ]);
    expect(new Set(ofType.map(({ type }) => type))).toEqual(new Set(['link.created']));
    expect(newest).toHaveLength(1);
  });

  it('tells the story in words without --json, and says when there is none', async () => {
    const story = await operator.run('audit', '--client', 'books');
    expect(story.stdout).toMatch(/^\S+Z {2}Postern command line registered app books\n$/);
    expect(await operator.run('audit', '--client', 'nobody')).toEqual({
      code: 0,
      stdout: '',
      stderr: 'No event matches.\n',
    });
  });
});

describe('commands that cannot do what is asked', () => {
  const unknown = [
    ['user', 'show', 'nobody@example.org'],
    ['user', 'disable', 'nobody@example.org'],
    ['client', 'disable', 'nobody'],
    ['client', 'rotate-secret', 'nobody'],
    ['keys', 'rotate', '--compromised', 'nobody'],
  ];
  it.each(unknown.map((args) => [args.join(' '), args] as const))(
    'ends `postern %s` with 1 and a line that names what is not there',
    async (_, args) => {
      const { code, stdout, stderr } = await operator.run(...args, '--json');
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^[^\n]*nobody[^\n]*\n$/);
    },
  );

  const misused = [
    ['nonsense'],
    ['client', 'create', '--colour', 'red'],
    ['user'],
    ['user', 'reset-link'],
    ['apply'],
    ['user', 'list', '--limit', '0'],
    ['audit', '--since', 'yesterday'],
    ['client', 'rotate-secret', 'books', '--overlap', '99999999999999'],
  ];
  it.each(misused.map((args) => [args.join(' '), args] as const))(
    'takes `postern %s` for wrong usage: 2, and nothing on standard output',
    async (_, args) => {
      const { code, stdout, stderr } = await operator.run(...args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).not.toBe('');
      expect(stderr).not.toMatch(/\n\s+at /);
    },
  );

  it('refuses a client that is there already or contradicts itself, and changes nothing', async () => {
    const before = await operator.json('client', 'list');
    const taken = await operator.run('client', 'create', 'books', '--redirect-uri', 'https://x.example/cb');
    const wrong = await operator.run('client', 'create', 'odd', '--redirect-uri', 'http://far.example/cb#here');
    expect([taken.code, wrong.code]).toEqual([1, 1]);
    expect(taken.stderr).toContain('books');
    expect(wrong.stderr).toMatch(/redirect_uris/);
    expect(await operator.json('client', 'list')).toEqual(before);
  });

  it('refuses a short password of a file, and makes nobody', async () => {
    const file = operator.file('short', 'short\n');
    const refused = await operator.run('admin', 'create', '--email', 'short@example.org', '--password-file', file);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect((await operator.run('user', 'show', 'short@example.org')).code).toBe(1);
    const missing = await operator.run('admin', 'create', '--email', 'a@example.org', '--password-file', '/nowhere');
    expect(missing).toMatchObject({ code: 1, stderr: 'The password file /nowhere cannot be read.\n' });
  });

  it('makes no link for what is no address', async () => {
    const refused = await operator.run('admin', 'create', '--email', 'not an address');
    expect(refused).toEqual({
      code: 1,
      stdout: '',
      stderr: '--email must be an e-mail address. Nothing was changed.\n',
    });
  });

  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
    expect(await operator.run('--version')).toMatchObject({ code: 0, stderr: '', stdout: `${version}\n` });
  });

  it('prints help on standard output with 0', async () => {
    const help = await operator.run('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const name of ['apply', 'audit', 'doctor', 'healthcheck', 'migrate']) expect(help.stdout).toContain(name);
  });
});
