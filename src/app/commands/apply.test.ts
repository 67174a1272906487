import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventTypesOf, openTestFeatures } from '../../../test/kit/features.ts';
import { byOperator } from '../../features/audit/module.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { apply } from './apply.ts';
import { mfaPolicyList } from './mfa-policy.ts';

type Features = Awaited<ReturnType<typeof openTestFeatures>>;

let features: Features;
/** What the last run wrote, even when it failed. */
let said: { readonly out: string } | undefined;
let folder: string;
beforeEach(async () => {
  features = await openTestFeatures();
  folder = mkdtempSync(join(tmpdir(), 'postern-apply-'));
});
afterEach(async () => {
  await features.close();
  rmSync(folder, { recursive: true });
});

const phc = '$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$n55VlMMMgoFwqQI8RjtTpaLpTkJ2KDYMlkoOjRxkVDw';
const secret = 'a-secret-of-forty-characters-0123456789ab';
const seed = `
settings: { refresh: { graceSeconds: 20 }, password: { minLength: 8 } }
users:
  - email: Ada@example.org
    username: ada
    password: nine chars
    email_verified: true
    roles: [super-admin]
    claims: { name: Ada Lovelace, given_name: Ada }
  - { email: grace@example.org, password_hash: '${phc}' }
resources:
  - { identifier: https://api.example, access_token_format: jwt, scopes: [{ name: read, description: Read your books }], introspection_clients: [svc] }
clients:
  - { client_id: web, client_secret: ${secret}, redirect_uris: [https://app.example/cb], scope: openid read, first_party: true }
  - { client_id: svc, grant_types: [client_credentials], resources: [https://api.example] }
`;

/** Where a command's words are kept. */
function capture(json = false) {
  const words = { out: '', err: '' };
  const io = {
    json,
    out(text: string) {
      words.out += text;
    },
    err(text: string) {
      words.err += text.replaceAll(folder, '');
    },
  };
  return { io, words };
}

const app = () => {
  const endings = async () => [];
  return { ...features, accountEndings: endings, clientEndings: endings };
};

async function run(text: string, options: { dryRun?: boolean; resetCredentials?: boolean; json?: boolean } = {}) {
  const file = join(folder, 'seed.yaml');
  writeFileSync(file, text);
  const { io, words } = capture(options.json);
  said = words;
  const { dryRun = false, resetCredentials = false } = options;
  const code = await apply(io, app(), { file, dryRun, resetCredentials });
  return { code, ...words };
}

describe('postern apply', () => {
  it('makes what the file says, once', async () => {
    const first = await run(seed);
    expect(first.code).toBe(0);
    expect(first.out).toMatch(
      /^updated settings: refresh\.graceSeconds, password\.minLength\ncreated resource https:\/\/api\.example\ncreated user Ada@example\.org\ncreated user grace@example\.org\ncreated client web\ncreated client svc\n {2}client_secret: postern_cs_[\w-]{43}\n$/,
    );
    const { users, passwords, clients, settings } = features;
    const ada = await users.findByLogin('ada');
    expect(ada).toMatchObject({
      emailVerified: true,
      roles: ['super-admin'],
      claims: { name: 'Ada Lovelace', given_name: 'Ada' },
    });
    expect((await passwords.check(ada?.id, 'nine chars')).ok).toBe(true);
    expect(settings.current().refresh.graceSeconds).toBe(20);
    expect(clients.find('web')?.secrets).toEqual([{ hash: sha256(secret) }]);
    const events = await eventTypesOf(features);

    const second = await run(seed);
    expect(second).toEqual({ code: 0, out: '', err: 'Nothing to do.\n' });
    expect(await eventTypesOf(features)).toEqual(events);
    expect(events.filter((type) => type === 'user.created')).toHaveLength(2);
  });

  it('takes JSON and answers in JSON', async () => {
    const text = JSON.stringify({ clients: [{ client_id: 'svc', grant_types: ['client_credentials'] }] });
    const { code, out } = await run(text, { json: true });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      dry_run: false,
      changes: [{ kind: 'client', name: 'svc', action: 'create', fields: [], client_secret: expect.any(String) }],
    });
    expect(JSON.parse((await run(text, { json: true })).out)).toEqual({ dry_run: false, changes: [] });
  });

  it('says what it would do without doing it', async () => {
    const dry = await run(seed, { dryRun: true });
    expect(dry.out.split('\n')).toEqual([
      'would update settings: refresh.graceSeconds, password.minLength',
      'would create resource https://api.example',
      'would create user Ada@example.org',
      'would create user grace@example.org',
      'would create client web',
      'would create client svc',
      '',
    ]);
    expect(await eventTypesOf(features)).toEqual([]);
    await run(seed);
    expect((await run(seed, { dryRun: true })).err).toBe('Nothing to do.\n');
    const changed = seed
      .replace('Lovelace', 'King')
      .replace('first_party: true', 'first_party: false')
      .replace('Read your', 'See your');
    expect((await run(changed, { dryRun: true })).out).toBe(
      'would update resource https://api.example: scopes\nwould update user Ada@example.org: claims\nwould update client web: first_party\n',
    );
    expect((await run(changed)).out).toBe(
      'updated resource https://api.example: scopes\nupdated user Ada@example.org: claims\nupdated client web: first_party\n',
    );
  });

  it('stores who is held to a second factor, and says what of it waits', async () => {
    const policies =
      'mfa_policies: [{ role: super-admin, policy: required }, { organisation: acme, policy: required }]';
    const note = 'Note: the mfa_policy of organisation acme is stored. It takes effect once organisations exist.\n';
    const dry = await run(policies, { dryRun: true });
    expect(dry.out).toBe('would create mfa_policy role super-admin\nwould create mfa_policy organisation acme\n');
    expect(features.mfa.policies.all()).toEqual([]);
    const done = await run(policies);
    expect([done.code, done.out, done.err]).toEqual([
      0,
      'created mfa_policy role super-admin\ncreated mfa_policy organisation acme\n',
      note,
    ]);
    expect((await run(policies)).err).toBe(`Nothing to do.\n${note}`);
    expect((await run(policies.replace('required', 'off'))).out).toBe('updated mfa_policy role super-admin: policy\n');
    const { io, words } = capture();
    expect(await mfaPolicyList(io, features)).toBe(0);
    expect(words.out).toMatch(
      /organisation acme +required +waits for organisations\nrole super-admin +off +in effect\n/,
    );
    const json = capture(true);
    await mfaPolicyList(json.io, features);
    expect(JSON.parse(json.words.out)).toEqual([
      { organisation: 'acme', policy: 'required', in_effect: false },
      { role: 'super-admin', policy: 'off', in_effect: true },
    ]);
  });

  it('leaves passwords and secrets alone unless it is told to set them', async () => {
    await run(seed);
    const other = seed.replace('nine chars', 'another password').replace(secret, secret.toUpperCase());
    expect((await run(other)).err).toBe('Nothing to do.\n');
    const dry = await run(other, { dryRun: true, resetCredentials: true });
    expect(dry.out).toBe(
      'would update user Ada@example.org: password\nwould update user grace@example.org: password\nwould update client web: client_secret\n',
    );
    await run(other, { resetCredentials: true });
    const ada = await features.users.findByLogin('ada');
    expect((await features.passwords.check(ada?.id, 'another password')).ok).toBe(true);
    expect(features.clients.find('web')?.secrets).toEqual([{ hash: sha256(secret.toUpperCase()) }]);
    expect((await run(other, { resetCredentials: true })).out).toBe('updated user grace@example.org: password\n');
  });

  it('disables, and opens nothing again', async () => {
    await run(seed);
    const disabling = seed
      .replace('username: ada', 'username: ada\n    disabled: true')
      .replace('first_party: true', 'first_party: true, disabled: true');
    expect((await run(disabling, { dryRun: true })).out).toBe(
      'would update user Ada@example.org: disabled\nwould update client web: disabled\n',
    );
    expect((await run(disabling)).out).toBe('updated user Ada@example.org: disabled\nupdated client web: disabled\n');
    expect((await run(disabling)).err).toBe('Nothing to do.\n');
    const opening = disabling.replaceAll('disabled: true', 'disabled: false');
    for (const text of [seed, opening]) expect((await run(text, { resetCredentials: true })).code).toBe(0);
    expect((await features.users.findByLogin('ada'))?.disabledAt).toBeDefined();
    expect(features.clients.find('web')?.disabledAt).toBeDefined();

    await run(
      'users: [{ email: new@example.org, disabled: true }]\nclients: [{ client_id: new, redirect_uris: [https://a.example/], disabled: true }]',
    );
    expect((await features.users.findByLogin('new@example.org'))?.disabledAt).toBeDefined();
    expect(features.clients.find('new')?.disabledAt).toBeDefined();
  });

  it('names every problem with its line, and changes nothing', async () => {
    const { code, out, err } = await run(`settings:
  refresh: { graceSeconds: 20, patience: 1 }
users:
  - email: ada@example.org
    password: short
  - email: ADA@example.org
    claims: { name: Ada }
  - email: grace@example.org
    pasword: typing mistake
webhooks:
  - { name: orders }
`);
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err.split('\n')).toEqual([
      '/seed.yaml:9: users[2].pasword is not known',
      '/seed.yaml:10: webhooks is not known',
      'Nothing was changed: 2 problems in /seed.yaml.',
      '',
    ]);
    const deeper = await run(
      `settings:
  refresh: { graceSeconds: 20, patience: 1 }
users:
  - email: ada@example.org
    password: short
  - email: ADA@example.org
  - email: b@example.org
    password_hash: nonsense
clients:
  - client_id: web
    redirect_uris: [https://app.example/cb]
    scope: openid read
`.replace('    password_hash: nonsense\n', ''),
    );
    expect(deeper.err.split('\n')).toEqual([
      '/seed.yaml:2: settings.refresh.patience is not a setting',
      expect.stringMatching(/^\/seed\.yaml:5: users\[0\]\.password Use at least 15/),
      '/seed.yaml:6: users[1].email is there twice',
      '/seed.yaml:11: clients[0].scope names read, which no resource has',
      'Nothing was changed: 4 problems in /seed.yaml.',
      '',
    ]);
    expect(await eventTypesOf(features)).toEqual([]);
  });

  it.each([
    ['no YAML', 'users: [', /^\/seed\.yaml:1: /],
    ['the same key twice', 'users: []\nusers: []', /^\/seed\.yaml:2: .*unique/],
    ['a list at the top', '- users', /^\/seed\.yaml:1: .*expected object/],
    ['nothing where a list belongs', 'users:', /^\/seed\.yaml:1: users .*expected array/],
    [
      'a client without id',
      'clients:\n  - redirect_uris: [https://a.example/]',
      /^\/seed\.yaml:2: clients\[0\]\.client_id is missing/,
    ],
    [
      'a resource without format',
      'resources:\n  - identifier: https://a.example',
      /^\/seed\.yaml:2: resources\[0\]\.access_token_format /,
    ],
    [
      'a policy for a role that there is not',
      'mfa_policies:\n  - { role: super-amdin, policy: required }',
      /^\/seed\.yaml:2: mfa_policies\[0\]\.role /,
    ],
    [
      'a policy twice',
      'mfa_policies:\n  - { role: super-admin, policy: required }\n  - { role: super-admin, policy: off }',
      /^\/seed\.yaml:3: mfa_policies\[1\]\.role is there twice/,
    ],
    ['a policy for nobody', 'mfa_policies: [{ policy: required }]', /needs either role or organisation/],
    [
      'a password and a hash',
      `users: [{ email: a@b.example, password: x, password_hash: '${phc}' }]`,
      /password_hash and password cannot both/,
    ],
    [
      'a hash of another kind',
      "users: [{ email: a@b.example, password_hash: '$2b$12$x' }]",
      /password_hash must be an Argon2id/,
    ],
    [
      'a short client secret',
      'clients: [{ client_id: a, client_secret: short, redirect_uris: [https://a.example/] }]',
      /at least 32 characters/,
    ],
    [
      'PKCE off for a public client',
      'clients: [{ client_id: a, token_endpoint_auth_method: none, require_pkce: false, redirect_uris: [https://a.example/] }]',
      /require_pkce/,
    ],
    [
      'a billion laughs',
      `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefghi'
        .split('')
        .map((name, n) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[n]}`).join(', ')}]`)
        .join('\n')}`,
      /repeats itself too often/,
    ],
  ])('refuses %s', async (_, text, message) => {
    const { code, out, err } = await run(text);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(message);
  });

  it('does nothing with an empty file, and says which one it cannot read', async () => {
    expect(await run('')).toEqual({ code: 0, out: '', err: 'Nothing to do.\n' });
    const { io, words } = capture();
    const args = { file: join(folder, 'none.yaml'), dryRun: false, resetCredentials: false };
    expect(await apply(io, app(), args)).toBe(1);
    expect(words.err).toBe('/none.yaml cannot be read.\n');
  });

  it('tells what it did before it failed', async () => {
    await features.users.create({ email: 'other@example.org', username: 'grace' }, byOperator);
    const applied = run('users: [{ email: ada@example.org }, { email: grace@example.org, username: grace }]');
    await expect(applied).rejects.toMatchObject({ code: 'user_username_taken' });
    expect(said?.out).toBe('created user ada@example.org\n');
  });
});
