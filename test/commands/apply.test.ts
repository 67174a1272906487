import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appOf, type Operator, openOperator, tokenStatus, untilServed } from '../kit/operator.ts';
import { type RelyingApp, redirectUri } from '../kit/relying-app.ts';
import { until } from '../kit/until.ts';

const ada = { email: 'ada@example.org', password: 'lamp oil for the lighthouse' };
const secret = 'first-secret-of-the-service-0123456789';
const seed = `settings:
  refresh: { graceSeconds: 20 }
resources:
  - identifier: https://api.example/
    access_token_format: opaque
    scopes: [{ name: read, description: Read }]
users:
  - email: ${ada.email}
    email_verified: true
    password: ${ada.password}
    claims: { name: Ada Lovelace }
clients:
  - client_id: service
    client_secret: ${secret}
    grant_types: [client_credentials]
    scope: read
  - client_id: web
    client_secret: ${'w'.repeat(40)}
    redirect_uris: ['${redirectUri}']
`;

let operator: Operator;
let service: RelyingApp;
beforeAll(async () => {
  operator = await openOperator();
  service = appOf(operator.server, 'service', secret);
});
afterAll(() => operator.close());

interface Applied {
  readonly dry_run: boolean;
  readonly changes: readonly { readonly kind: string; readonly name: string; readonly action: string }[];
}
const applied = (file: string, ...flags: string[]): Promise<Applied> =>
  operator.json<Applied>('apply', '-f', file, ...flags);
const eventCount = async (): Promise<number> =>
  (await operator.run('audit', '--json')).stdout.split('\n').filter((line) => line !== '').length;

describe('postern apply beside a running server', () => {
  it('says what it would do and changes nothing, then does it, then finds nothing to do', async () => {
    const file = operator.file('seed.yaml', seed);
    const before = await eventCount();
    const dry = await applied(file, '--dry-run');
    expect(dry.dry_run).toBe(true);
    expect(dry.changes.map(({ kind, name, action }) => `${action} ${kind} ${name}`)).toEqual([
      'update settings settings',
      'create resource https://api.example/',
      `create user ${ada.email}`,
      'create client service',
      'create client web',
    ]);
    expect(await eventCount()).toBe(before);
    expect(await tokenStatus(service)).toBe(401);
    const { changes, dry_run } = await applied(file);
    expect({ changes, dry_run }).toEqual({ changes: dry.changes, dry_run: false });
    await untilServed(service);
    const after = await eventCount();
    expect(await applied(file)).toEqual({ dry_run: false, changes: [] });
    // The token that was just asked for has its own event.
    expect(await eventCount()).toBe(after);
  });

  it('reads JSON from standard input', async () => {
    const input = JSON.stringify({ clients: [{ client_id: 'piped', grant_types: ['client_credentials'] }] });
    const cli = join(import.meta.dirname, '../../dist/cli.js');
    const child = spawn(process.execPath, [cli, 'apply', '--json', '-f', '-'], {
      env: operator.server.env,
      cwd: operator.folder,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stdin.end(input);
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    const { changes } = JSON.parse(output) as { changes: { client_secret: string }[] };
    await untilServed(appOf(operator.server, 'piped', changes[0]?.client_secret ?? ''));
  });

  it('leaves passwords and secrets alone unless it is told to set them', async () => {
    const other = seed.replace(secret, secret.replace('first', 'other')).replace(ada.password, 'another long password');
    const file = operator.file('other.yaml', other);
    expect(await applied(file)).toEqual({ dry_run: false, changes: [] });
    expect(await tokenStatus(service)).toBe(200);
    const { changes } = await applied(file, '--reset-credentials');
    expect(changes).toEqual([
      { kind: 'user', name: ada.email, action: 'update', fields: ['password'] },
      { kind: 'client', name: 'service', action: 'update', fields: ['client_secret'] },
    ]);
    await untilServed(appOf(operator.server, 'service', secret.replace('first', 'other')));
    await until('the former secret is refused', async () => (await tokenStatus(service)) === 401);
    const web = appOf(operator.server, 'web', 'w'.repeat(40));
    await web.signIn({ ...ada, password: 'another long password' });
    await expect(web.signIn(ada)).rejects.toThrow('(401)');
  });

  it('opens nothing again that was disabled', async () => {
    await operator.json('user', 'disable', ada.email);
    await operator.json('client', 'disable', 'service');
    const open = seed
      .replace('email_verified: true', 'email_verified: true\n    disabled: false')
      .replace('scope: read', 'scope: read\n    disabled: false');
    const file = operator.file('open.yaml', open);
    for (const flags of [[], ['--reset-credentials']]) await applied(file, ...flags);
    expect(await operator.json('user', 'show', ada.email)).toMatchObject({ disabled: true });
    expect(await operator.json('client', 'show', 'service')).toMatchObject({ disabled: true });
    expect(await tokenStatus(service)).toBe(401);
  });

  it('tells all mistakes at once with their lines, and changes nothing', async () => {
    const before = await eventCount();
    const file = operator.file(
      'wrong.yaml',
      `webhooks: [{ url: x }]
settings:
  refresh: { graceSeconds: 10 }
users:
  - email: not an address
    pasword: lamp oil
clients:
  - client_id: fine
    client_secret: too short
    redirect_uris: ['https://fine.example/cb']
  - client_name: nameless
    redirect_uris: ['https://nameless.example/cb']
`,
    );
    const { code, stdout, stderr } = await operator.run('apply', '-f', file);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const lines = stderr.trimEnd().split('\n');
    expect(lines.slice(0, -1).map((line) => /^.*wrong\.yaml:(\d+): (\S+)/.exec(line)?.slice(1).join(' '))).toEqual([
      '1 webhooks',
      '5 users[0].email',
      '6 users[0].pasword',
      '9 clients[0].client_secret',
      '11 clients[1].client_id',
    ]);
    expect(lines.at(-1)).toBe(`Nothing was changed: 5 problems in ${file}.`);
    expect(await eventCount()).toBe(before);
  });

  it.each([
    [
      'a section of a capability that is not there',
      'settings: { features: { dynamicRegistration: true } }',
      'features',
    ],
    [
      'an unknown resource',
      'clients: [{ client_id: x, grant_types: [client_credentials], resources: [none] }]',
      'none',
    ],
    ['what is not YAML', 'clients: [', 'refused.yaml:1'],
    ['what is nested without end', '['.repeat(20_000), 'and'],
  ])('refuses %s', async (_, text, named) => {
    const { code, stdout, stderr } = await operator.run('apply', '-f', operator.file('refused.yaml', text));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(named);
    expect(stderr).toContain('Nothing was changed');
    expect(stderr.split('\n').length).toBeLessThan(60);
  });

  it('refuses files that it cannot read, that are no text, and that are too large', async () => {
    const noText = Buffer.from('users: [{ email: "\xff\xfe@example.org", email_verified: true }]', 'latin1');
    const files = [
      ['/nowhere/seed.yaml', 'cannot be read.'],
      [operator.folder, 'cannot be read.'],
      [operator.file('latin1.yaml', noText), 'is not UTF-8 text.'],
      [operator.file('large.yaml', ' '.repeat(16 * 1024 * 1024 + 1)), 'is larger than 16 MiB. Apply it in parts.'],
    ] as const;
    for (const [file, said] of files) {
      expect(await operator.run('apply', '-f', file)).toEqual({ code: 1, stdout: '', stderr: `${file} ${said}\n` });
    }
  });
});
