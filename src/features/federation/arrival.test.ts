import { describe, expect, it } from 'vitest';
import { readArrival } from './arrival.ts';
import { endpointsOf, issuerOf, type Provider, providerOf, scopesOf } from './provider.ts';
import type { Json } from './providers/preset.ts';
import { meetsRequirements } from './requirements.ts';
import { type NewProvider, newProviderSchema } from './schema.ts';

function provider(more: Partial<NewProvider>): Provider {
  const { client_secret: clientSecret, ...definition } = newProviderSchema.parse({
    name: 'up',
    type: 'oidc',
    client_id: 'ours',
    ...(more.type === undefined ? { issuer: 'https://up.example' } : {}),
    ...more,
  });
  return providerOf(definition, { clientSecret, updatedAt: 0 });
}
const arrive = (more: Partial<NewProvider>, json: Json) =>
  readArrival(provider(more), { issuer: 'https://up.example', json });

describe('what a provider says of somebody', () => {
  it('is read by the preset, and by the operator’s mapping over it', () => {
    const json = {
      id: 7,
      login: 'ada',
      mail: { address: 'ada@up.example', ok: true },
      groups: [{ n: 'a' }, { n: 'b' }],
    };
    const mapping = {
      sub: 'id',
      email: 'mail.address',
      email_verified: 'mail.ok',
      name: 'The {login}',
      roles: 'groups[*].n',
      organizations: 'login',
    };
    expect(arrive({ mapping }, json)).toMatchObject({
      subject: '7',
      email: 'ada@up.example',
      isEmailVerified: true,
      claims: { name: 'The ada' },
      attributes: { roles: ['a', 'b'], organizations: ['ada'] },
    });
  });

  it('names nobody without a subject that is text', () => {
    for (const sub of [undefined, '', null, {}, ['a'], true, 'x'.repeat(256), 'a\u0000b', '\ud800']) {
      expect(arrive({}, { sub })).toBeUndefined();
    }
  });

  it('leaves out what an account cannot carry', () => {
    const claims = {
      name: 5,
      picture: 'javascript:alert(1)',
      website: 'nowhere',
      birthdate: 'long ago',
      locale: 'x'.repeat(1001),
    };
    expect(arrive({}, { sub: 'a', ...claims })?.claims).toEqual({ name: '5' });
  });

  it.each<[string, Partial<NewProvider>, Json, boolean]>([
    ['nothing said', {}, {}, false],
    ['said by text', {}, { email_verified: 'true' }, false],
    ['said', {}, { email_verified: true }, true],
    ['Apple’s text', { type: 'apple', apple: { team_id: 't', key_id: 'k' } }, { email_verified: 'true' }, true],
    ['Microsoft’s address alone', { type: 'microsoft' }, {}, false],
    ['Microsoft’s address of a domain whose owner is verified', { type: 'microsoft' }, { xms_edov: '1' }, true],
    ['Microsoft’s, not so', { type: 'microsoft' }, { xms_edov: false }, false],
    ['Spotify, whatever it says', { type: 'spotify' }, { email_verified: true, id: 'a' }, false],
    ['Discord', { type: 'discord' }, { verified: true, id: 'a' }, true],
    ['an operator who answers for all of them', { policy: { trust_email: true } }, {}, true],
  ])('vouches for an address or not: %s', (_, more, json, isEmailVerified) => {
    expect(arrive(more, { sub: 'a', email: 'ada@up.example', ...json })?.isEmailVerified).toBe(isEmailVerified);
  });

  it('counts as two factors only where it is trusted, and lends nothing that our rooms read as shown here', () => {
    const json = { sub: 'a', amr: ['pwd', 'pop', 'hwk', 'mfa', 'a b'], acr: 'two' };
    expect(arrive({}, json)).toMatchObject({ amr: ['fed'], isMultiFactor: false });
    expect(arrive({ policy: { mfa: 'trust' } }, json)).toMatchObject({
      amr: ['fed', 'hwk', 'mfa'],
      isMultiFactor: true,
    });
    expect(arrive({ policy: { mfa: 'trust' } }, { ...json, amr: ['pwd', 'otp'] })).toMatchObject({
      amr: ['fed'],
      isMultiFactor: false,
    });
  });
});

describe('whom an operator lets in', () => {
  const meets = (require: object, json: Json) => {
    const one = provider({ policy: { require } });
    const arrival = readArrival(one, { issuer: 'https://up.example', json: { sub: 'a', ...json } });
    return arrival !== undefined && meetsRequirements(one, arrival, json);
  };

  it.each<[object, Json, boolean]>([
    [{}, {}, true],
    [{ hd: ['house.example'] }, { hd: 'House.example' }, true],
    [{ hd: ['house.example'] }, { email: 'ada@house.example', email_verified: true }, false],
    [{ hd: ['house.example'] }, { hd: ['house.example'] }, false],
    [{ tid: ['T-1', 'T-2'] }, { tid: 't-2' }, true],
    [{ tid: ['T-1'] }, { tid: 'T-10' }, false],
    [{ organizations: ['crew'] }, { organizations: ['guests', 'Crew'] }, true],
    [{ organizations: ['crew'] }, { organizations: 'crew' }, false],
    [{ teams: ['crew/cooks'] }, { teams: ['crew/sailors'] }, false],
    [{ domains: ['house.example'] }, { email: 'ada@house.example', email_verified: true }, true],
    [{ domains: ['house.example'] }, { email: 'ada@house.example' }, false],
    [{ domains: ['house.example'] }, { email: 'ada@not-house.example', email_verified: true }, false],
    [{ domains: ['house.example'] }, { email: 'x@house.example@evil.example', email_verified: true }, false],
    [{ hd: ['a.example'], domains: ['b.example'] }, { hd: 'a.example' }, false],
  ])('%o meets %o: %s', (require, json, met) => {
    expect(meets(require, json)).toBe(met);
  });
});

describe('where providers are', () => {
  it.each<[Partial<NewProvider>, string]>([
    [{ type: 'microsoft' }, 'https://login.microsoftonline.com/common/v2.0'],
    [{ type: 'microsoft', tenant: 'contoso.example' }, 'https://login.microsoftonline.com/contoso.example/v2.0'],
    [
      { type: 'microsoft', issuer: 'https://login.microsoftonline.us/organizations/v2.0/' },
      'https://login.microsoftonline.us/organizations/v2.0',
    ],
    [{ type: 'github', issuer: 'https://git.house.example/' }, 'https://git.house.example'],
    [{ type: 'google' }, 'https://accounts.google.com'],
  ])('%o has the issuer %s', (more, issuer) => {
    expect(issuerOf(provider(more))).toBe(issuer);
  });

  it('reaches an Enterprise Server’s API below its own host, and asks for what a restriction takes', () => {
    const own = provider({
      type: 'github',
      issuer: 'https://git.house.example',
      policy: { require: { teams: ['a/b'] } },
    });
    expect(endpointsOf(own).userinfo).toBe('https://git.house.example/api/v3/user');
    expect(scopesOf(own)).toEqual(['read:user', 'user:email', 'read:org']);
    expect(scopesOf(provider({ scopes: 'email groups' }))).toEqual(['openid', 'email', 'groups']);
  });
});
