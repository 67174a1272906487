import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventTypesOf, openTestFeatures, type TestFeatures } from '../../../test/kit/features.ts';
import { apply } from './apply.ts';
import { federationList, federationShow } from './federation.ts';

let features: TestFeatures & { close(): Promise<void> };
const folder = mkdtempSync(join(tmpdir(), 'postern-federation-'));
beforeAll(async () => {
  features = await openTestFeatures();
});
afterAll(async () => {
  await features.close();
  rmSync(folder, { recursive: true, force: true });
});

async function run(text: string, more: { dryRun?: boolean; resetCredentials?: boolean } = {}) {
  const file = join(folder, 'seed.yaml');
  writeFileSync(file, text);
  const said = { out: '', err: '' };
  const io = {
    out(words: string) {
      said.out += words;
    },
    err(words: string) {
      said.err += words;
    },
    json: false,
  };
  const endings = async () => [];
  const app = { ...features, accountEndings: endings, clientEndings: endings };
  const code = await apply(io, app, { file, dryRun: false, resetCredentials: false, ...more });
  return { code, ...said };
}

async function shown(of: string) {
  const text: string[] = [];
  const io = { out: (words: string) => void text.push(words), err: () => undefined, json: true };
  const app = { config: { issuer: 'https://id.example' }, providers: features.providers };
  await (of === 'list' ? federationList(io, app) : federationShow(io, app, { name: of }));
  return JSON.parse(text.join('')) as Record<string, unknown>;
}

const google = `providers:
  - name: google
    type: google
    client_id: ours
    client_secret: what Google gave
`;

describe('providers of a seed file', () => {
  it('are registered once, without a secret in sight', async () => {
    expect((await run(google, { dryRun: true })).out).toBe('would create provider google\n');
    expect((await run(google)).out).toBe('created provider google\n');
    expect((await run(google)).err).toContain('Nothing to do');
    const [row] = await features.database.prisma.identityProvider.findMany();
    expect(JSON.stringify(row, (_, value: unknown) => String(value))).not.toContain('what Google gave');
    expect(features.providers.find('google')?.clientSecret).toBe('what Google gave');
    expect((await eventTypesOf(features)).filter((type) => type.startsWith('provider.'))).toEqual(['provider.created']);
  });

  it('are changed by a later run, their secret only when that is asked for', async () => {
    const other = google.replace('what Google gave', 'another one').concat('    title: Google here\n');
    expect((await run(other)).out).toBe('updated provider google: title\n');
    expect(features.providers.find('google')?.clientSecret).toBe('what Google gave');
    expect((await run(other, { resetCredentials: true })).out).toBe('updated provider google: client_secret\n');
    expect(features.providers.find('google')?.clientSecret).toBe('another one');
  });

  it('are shown with the redirect URI to register, and never with their secret', async () => {
    expect(await shown('google')).toMatchObject({
      name: 'google',
      title: 'Google here',
      has_secret: true,
      redirect_uri: 'https://id.example/federation/google/callback',
      post_logout_redirect_uri: 'https://id.example/federation/google/logged-out',
    });
    expect(JSON.stringify(await shown('list'))).not.toContain('another one');
    await expect(shown('nobody')).rejects.toMatchObject({ code: 'provider_unknown', status: 404 });
  });

  it.each([
    ['type: oidc, client_id: x', 'providers[0].issuer is missing'],
    ['type: oidc, client_id: x, issuer: "http://id.example"', 'providers[0].issuer must be an https address'],
    ['type: oauth2, client_id: x', 'providers[0].endpoints is missing'],
    ['type: google, client_id: x, tenant: common', 'providers[0].tenant is for microsoft only'],
    ['type: apple, client_id: x', 'providers[0].apple is missing'],
    ['type: apple, client_id: x, apple: { team_id: t, key_id: k }', 'providers[0].client_secret is missing'],
    [
      'type: apple, client_id: x, client_secret: no key, apple: { team_id: t, key_id: k }',
      'providers[0].client_secret must be the private key from Apple',
    ],
    ['type: google, client_id: x, parameters: { state: mine }', 'must not name what the protocol sends'],
    ['type: google, client_id: x, mapping: { name: "{oops" }', 'must be a path or a template'],
    ['type: github, client_id: x, policy: { mfa: trust }', 'mfa: trust needs OpenID Connect'],
    ['type: github, client_id: x, policy: { logout: everywhere }', 'logout: everywhere needs OpenID Connect'],
    ['type: google, client_id: x, policy: { logout: nowhere }', 'providers[0].policy.logout'],
    // nOAuth: the address is whatever some tenant's administrator has typed.
    ['type: microsoft, client_id: x, policy: { trust_email: true }', 'trust_email needs one tenant'],
    [
      'type: microsoft, client_id: x, policy: { trust_email: true }, issuer: "https://login.microsoftonline.com/organizations/v2.0"',
      'trust_email needs one tenant',
    ],
    ['type: google, client_id: x, webhook: y', 'providers[0].webhook is not known'],
  ])('are refused as { %s }', async (fields, message) => {
    const { code, err } = await run(`providers:\n  - { name: bad, ${fields} }\n`);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    expect(features.providers.find('bad')).toBeUndefined();
  });
});
