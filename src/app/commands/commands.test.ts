import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { openTestFeatures } from '../../../test/kit/features.ts';
import { byOperator } from '../../features/audit/module.ts';
import { deletionOperations } from '../../features/deletions/module.ts';
import { createSigningKeys, type SigningKeys } from '../../features/signing-keys/module.ts';
import { createKeyRing } from '../../foundation/crypto/key-ring.ts';
import { systemRandom } from '../../foundation/random.ts';
import { adminCreate, adminRecover } from './admin.ts';
import { auditSearch } from './audit.ts';
import { clientCreate, clientDisable, clientEnable, clientList, clientRotateSecret, clientShow } from './client.ts';
import { keyList, keyRotate } from './keys.ts';
import { migrate } from './migrate.ts';
import { settingsPrint } from './settings.ts';
import {
  userDisable,
  userEnable,
  userInvite,
  userList,
  userResetFactors,
  userResetLink,
  userShow,
  userSignOut,
} from './user.ts';

type Features = Awaited<ReturnType<typeof openTestFeatures>>;

/** Where a command's words are kept. */
function capture(json: boolean) {
  const words = { out: '', err: '' };
  const io = {
    json,
    out(text: string) {
      words.out += text;
    },
    err(text: string) {
      words.err += text;
    },
  };
  return { io, words, result: (): unknown => JSON.parse(words.out) };
}

let features: Features;
let signingKeys: SigningKeys;
let folder: string;
beforeEach(async () => {
  features = await openTestFeatures();
  const keyRing = createKeyRing({ keys: [systemRandom.bytes(32)], random: systemRandom });
  signingKeys = createSigningKeys({ ...features, keyRing, needed: () => new Set() });
  folder = mkdtempSync(join(tmpdir(), 'postern-commands-'));
});
afterEach(async () => {
  await features.close();
  rmSync(folder, { recursive: true });
});

const ended: string[] = [];
const app = () => ({
  ...features,
  notices: { about: () => [] },
  deletions: deletionOperations(features),
  setUpUrl: (secret: string) => `https://id.example/setup/${secret}`,
  invitationUrl: (secret: string) => `https://id.example/invitation/${secret}`,
  resetUrl: (secret: string) => `https://id.example/reset/${secret}`,
  endings: async (id: string) => {
    ended.push(`ended ${id}`);
    return [];
  },
  logoutNotices: async (id: string) => {
    ended.push(`told ${id}`);
    return [];
  },
});

describe('links for people', () => {
  it('are printed once, for who may use them', async () => {
    const { id } = await features.users.create({ email: 'linked@example.org', email_verified: true }, byOperator);
    const reset = capture(true);
    expect(await userResetLink(reset.io, app(), { login: 'linked@example.org' })).toBe(0);
    const { url, expires_at: expiresAt } = reset.result() as { url: string; expires_at: string };
    expect(Date.parse(expiresAt)).toBe(features.clock.now() + 30 * 60_000);
    expect(await features.users.links.peek('reset', url.slice(url.lastIndexOf('/') + 1))).toMatchObject({
      subject: id,
    });
    await features.users.disable(id, byOperator, async () => []);
    const disabled = userResetLink(capture(false).io, app(), { login: 'linked@example.org' });
    await expect(disabled).rejects.toMatchObject({ code: 'user_disabled' });

    const invited = capture(true);
    expect(await userInvite(invited.io, app(), { email: 'guest@example.org' })).toBe(0);
    expect(invited.result()).toMatchObject({ url: expect.stringContaining('/invitation/') as string });
    const taken = userInvite(capture(false).io, app(), { email: 'LINKED@example.org' });
    await expect(taken).rejects.toMatchObject({ code: 'user_email_taken' });
    const nobody = userInvite(capture(false).io, app(), { email: 'nobody' });
    await expect(nobody).rejects.toMatchObject({ code: 'user_refused' });
  });
});

describe('postern user', () => {
  it('removes the second factors of who has lost them, and says when there are none', async () => {
    const { id } = await features.users.create({ email: 'bob@example.org', email_verified: true }, byOperator);
    const none = capture(false);
    expect(await userResetFactors(none.io, app(), { login: 'bob@example.org' })).toBe(0);
    expect(none.words).toEqual({ out: '', err: 'bob@example.org had no second factor.\n' });
    const removed = capture(true);
    const mfa = { reset: async () => true };
    expect(await userResetFactors(removed.io, { ...app(), mfa }, { login: id })).toBe(0);
    expect(removed.words.err).toBe(
      `bob@example.org has no second factor any more.
They have no password: postern user reset-link bob@example.org prints a link with which they set one.
`,
    );
    expect(removed.result()).toMatchObject({ id });
  });

  it('shows, disables, enables and signs out', async () => {
    const { id } = await features.users.create(
      { email: 'ada@example.org', email_verified: true, username: 'ada' },
      byOperator,
    );
    const shown = capture(true);
    expect(await userShow(shown.io, app(), { login: 'ADA@example.org' })).toBe(0);
    expect(shown.result()).toMatchObject({
      id,
      email: 'ada@example.org',
      email_verified: true,
      disabled: false,
      username: 'ada',
    });

    ended.length = 0;
    const disabled = capture(true);
    expect(await userDisable(disabled.io, app(), { login: 'ada' })).toBe(0);
    expect(disabled.result()).toMatchObject({ id, disabled: true });
    expect(ended).toEqual([`told ${id}`, `ended ${id}`]);
    const again = capture(false);
    expect(await userDisable(again.io, app(), { login: id })).toBe(0);
    expect(again.words).toEqual({ out: '', err: 'ada@example.org was disabled already.\n' });

    const listed = capture(false);
    expect(await userList(listed.io, app(), { limit: 10 })).toBe(0);
    expect(listed.words.out).toMatch(/^E-MAIL +ID +STATE +ROLES\nada@example\.org +[0-9a-f-]+ +disabled\n$/);
    const enabled = capture(true);
    await userEnable(enabled.io, app(), { login: 'ada' });
    expect(enabled.result()).toMatchObject({ disabled: false });
    const out = capture(false);
    expect(await userSignOut(out.io, app(), { login: 'ada' })).toBe(0);
    expect(out.words.err).toContain('signed out everywhere');
    expect((await features.audit.search({ limit: 1, type: 'user.signed_out' }))[0]?.actor).toEqual({
      kind: 'system',
      name: 'command line',
    });
  });

  it('says whom it does not know', async () => {
    await expect(userShow(capture(true).io, app(), { login: 'nobody@example.org' })).rejects.toMatchObject({
      code: 'user_unknown',
      message: 'There is no account nobody@example.org.',
    });
  });
});

describe('postern client', () => {
  const redirect = { redirect_uris: ['https://app.example/cb'] };

  it('creates, rotates, shows and disables', async () => {
    const created = capture(true);
    expect(await clientCreate(created.io, app(), { client_id: 'web', ...redirect })).toBe(0);
    expect(created.result()).toEqual({ client_id: 'web', client_secret: expect.stringMatching(/^postern_cs_/) });
    const rotated = capture(true);
    expect(await clientRotateSecret(rotated.io, app(), { clientId: 'web', overlapSeconds: 60 })).toBe(0);
    expect(rotated.result()).toEqual({ client_id: 'web', client_secret: expect.stringMatching(/^postern_cs_/) });
    expect(rotated.words.out).not.toBe(created.words.out);

    const shown = capture(true);
    await clientShow(shown.io, app(), { clientId: 'web' });
    expect(shown.result()).toMatchObject({
      client_id: 'web',
      redirect_uris: ['https://app.example/cb'],
      disabled: false,
      secrets: [{ expires_at: '2026-05-01T12:01:00.000Z' }, { expires_at: null }],
    });
    expect(shown.words.out).not.toContain('postern_cs_');

    const disabled = capture(true);
    expect(await clientDisable(disabled.io, app(), { clientId: 'web' })).toBe(0);
    expect(disabled.result()).toMatchObject({ client_id: 'web', disabled: true });
    const listed = capture(true);
    await clientList(listed.io, app());
    expect(listed.result()).toMatchObject([{ client_id: 'web', disabled: true }]);
    const enabled = capture(false);
    await clientEnable(enabled.io, app(), { clientId: 'web' });
    expect(enabled.words.err).toContain('may be used again');
    await expect(clientShow(capture(true).io, app(), { clientId: 'nobody' })).rejects.toMatchObject({
      code: 'client_unknown',
    });
  });

  it('writes words where no JSON is asked for, and no secret where there is none', async () => {
    const created = capture(false);
    await clientCreate(created.io, app(), { client_id: 'spa', token_endpoint_auth_method: 'none', ...redirect });
    expect(created.words).toEqual({ out: 'client_id: spa\n', err: '' });
    const shown = capture(false);
    await clientShow(shown.io, app(), { clientId: 'spa' });
    expect(shown.words.out).toContain('redirect_uris: ["https://app.example/cb"]\n');
  });
});

describe('postern keys', () => {
  it('lists, rotates and removes', async () => {
    await signingKeys.ensure();
    const listed = capture(true);
    expect(await keyList(listed.io, { signingKeys })).toBe(0);
    const keys = listed.result() as { kid: string; alg: string; state: string }[];
    expect(keys.map(({ alg, state }) => `${alg} ${state}`)).toEqual(['ES256 current', 'RS256 current']);
    expect(Object.keys(keys[0] ?? {})).toEqual(['kid', 'alg', 'state']);

    const rotated = capture(true);
    expect(await keyRotate(rotated.io, { signingKeys }, {})).toBe(0);
    expect(rotated.result()).toMatchObject({
      rotated: [],
      waiting: [{ alg: 'ES256', takes_over_at: '2026-05-02T12:00:00.000Z' }, { alg: 'RS256' }],
    });
    const inWords = capture(false);
    await keyRotate(inWords.io, { signingKeys }, {});
    expect(inWords.words.out).toContain('takes over at 2026-05-02T12:00:00.000Z');

    const removed = capture(false);
    expect(await keyRotate(removed.io, { signingKeys }, { compromised: keys[0]?.kid })).toBe(0);
    expect(removed.words.out).toMatch(/is removed\. \S+ signs instead\.\n.*refused by Postern at once/);
    await expect(keyRotate(capture(true).io, { signingKeys }, { compromised: 'x' })).rejects.toMatchObject({
      code: 'signing_key_unknown',
    });
  });
});

describe('postern settings print', () => {
  it('prints what can be put into a seed file again', async () => {
    const [json, yaml] = [capture(true), capture(false)];
    await settingsPrint(json.io, features);
    await settingsPrint(yaml.io, features);
    expect(parse(yaml.words.out)).toEqual(json.result());
    expect(features.settings.preview(json.result())).toEqual([]);
  });

  it('says which rules for passwords leave NIST SP 800-63B-4', async () => {
    await features.settings.set({ password: { composition: { digit: true } } }, byOperator);
    const { io, words } = capture(true);
    expect(await settingsPrint(io, features)).toBe(0);
    expect(words.err).toBe(
      'Warning: password.composition.digit leaves NIST SP 800-63B-4 §3.1.1.2, which says that no such rule shall be imposed.\n',
    );
  });
});

describe('postern audit', () => {
  it("tells a person's story in words, or as one JSON object a line", async () => {
    const { id } = await features.users.create({ email: 'ada@example.org' }, byOperator);
    features.clock.advance(2 * 3_600_000);
    await features.users.enable(id, byOperator, async () => []);
    await features.users.signOut(id, byOperator, async () => []);
    const json = capture(true);
    expect(await auditSearch(json.io, features, { user: 'Ada@example.org', limit: 10 })).toBe(0);
    const lines = json.words.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; subject: string });
    expect(lines.map(({ type }) => type)).toEqual(['user.created', 'user.signed_out']);
    const words = capture(false);
    await auditSearch(words.io, features, { user: id, since: '1h', limit: 10 });
    expect(words.words.out).toBe(`2026-05-01T14:00:00.000Z  Postern command line signed out person ${id} everywhere\n`);
    const none = capture(false);
    expect(await auditSearch(none.io, features, { client: 'web', since: '2026-01-01', limit: 10 })).toBe(0);
    expect(none.words).toEqual({ out: '', err: 'No event matches.\n' });
    const cut = capture(false);
    await auditSearch(cut.io, features, { limit: 1 });
    expect(cut.words.err).toContain('Only the newest 1');
  });

  it('says what a time looks like', async () => {
    const wrong = capture(false);
    expect(await auditSearch(wrong.io, features, { since: 'yesterday', limit: 10 })).toBe(2);
    expect(wrong.words.err).toContain('--since yesterday is neither');
  });
});

describe('postern admin', () => {
  const passwordFile = () => join(folder, 'password');

  it('makes an administrator with the password of a file', async () => {
    writeFileSync(passwordFile(), 'correct horse battery staple\n');
    const created = capture(true);
    expect(await adminCreate(created.io, app(), { email: 'ada@example.org', passwordFile: passwordFile() })).toBe(0);
    const { id } = created.result() as { id: string };
    expect(await features.users.find(id)).toMatchObject({ roles: ['super-admin'], emailVerified: true });
    expect(await features.passwords.check(id, 'correct horse battery staple')).toEqual({ ok: true });
    const again = adminCreate(capture(true).io, app(), { email: 'ada@example.org', passwordFile: passwordFile() });
    await expect(again).rejects.toMatchObject({ code: 'admin_exists' });
    const nowhere = adminCreate(capture(true).io, app(), {
      email: 'b@example.org',
      passwordFile: join(folder, 'none'),
    });
    await expect(nowhere).rejects.toMatchObject({ code: 'password_file' });
  });

  it('makes an administrator of somebody who has an account', async () => {
    const { id } = await features.users.create({ email: 'ada@example.org' }, byOperator);
    writeFileSync(passwordFile(), 'correct horse battery staple');
    await adminCreate(capture(true).io, app(), { email: 'ADA@example.org', passwordFile: passwordFile() });
    expect((await features.users.find(id))?.roles).toEqual(['super-admin']);
    expect((await features.passwords.check(id, 'correct horse battery staple')).ok).toBe(true);
  });

  it('stores nothing when the password is refused', async () => {
    writeFileSync(passwordFile(), 'short');
    const refused = adminCreate(capture(true).io, app(), { email: 'ada@example.org', passwordFile: passwordFile() });
    await expect(refused).rejects.toMatchObject({ code: 'password_refused' });
    expect(await features.users.list({ limit: 1 })).toEqual([]);
  });

  it('prints a link that works once where no password is given', async () => {
    const [created, recovered] = [capture(true), capture(false)];
    expect(await adminCreate(created.io, app(), { email: 'ada@example.org' })).toBe(0);
    const { url, expires_at: expiresAt } = created.result() as { url: string; expires_at: string };
    expect(expiresAt).toBe('2026-05-02T12:00:00.000Z');
    const secret = url.replace('https://id.example/setup/', '');
    expect(await features.users.links.peek('set-up', secret)).toMatchObject({ subject: 'ada@example.org' });
    expect(await adminRecover(recovered.io, app())).toBe(0);
    expect(recovered.words.out).toMatch(/^https:\/\/id\.example\/setup\/[\w-]{43}\n$/);
  });
});

describe('postern migrate', () => {
  it('says what it applied, or would apply, or that there is nothing to do', async () => {
    const pending = { planMigrations: async () => ['1_init'], migrateDatabase: async () => ['1_init'] };
    const [plan, done, json, none] = [capture(false), capture(false), capture(true), capture(false)];
    expect(await migrate(plan.io, pending, { plan: true })).toBe(0);
    expect(plan.words.out).toBe('would apply 1_init\n');
    await migrate(done.io, pending, { plan: false });
    expect(done.words.out).toBe('applied 1_init\n');
    await migrate(json.io, pending, { plan: true });
    expect(json.result()).toEqual({ pending: ['1_init'] });
    expect(
      await migrate(none.io, { planMigrations: async () => [], migrateDatabase: async () => [] }, { plan: false }),
    ).toBe(0);
    expect(none.words).toEqual({ out: '', err: 'The database is up to date.\n' });
  });
});
