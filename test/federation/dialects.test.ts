import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import type { NewProvider } from '../../src/features/federation/module.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import type { Person } from '../kit/upstreams/dialect.ts';
import { personalTenant } from '../kit/upstreams/dialects/microsoft.ts';
import { startUpstream, type Upstream, type UpstreamOptions } from '../kit/upstreams/upstream.ts';
import { advance, standStill } from '../protocol/kit/time.ts';
import { type Kind, kindOf, seedOf, signInWith } from './kinds.ts';

let product: Product;
let app: RelyingApp;
let registered = 0;

beforeAll(async () => {
  standStill();
  product = await startProduct();
  app = await addWebApp(product, { first_party: true });
});
afterAll(() => product.stop());

type Policy = NewProvider['policy'];

/** A provider of its own, whose people come and go. */
async function at(name: Kind['name'], policy: Policy = {}, options: UpstreamOptions = {}) {
  registered += 1;
  advance(61);
  const kind = kindOf(name);
  const upstream = await startUpstream(name, { ...kind.options, ...options });
  const seed = seedOf(kind, upstream, `p${registered}`);
  const register = (more: Policy) =>
    product.app.core.providers.upsert({ ...seed, policy: { create: true, ...more } }, byOperator);
  await register(policy);
  return { upstream, register, come: (person: Partial<Person>) => comeTo(upstream, seed.name, person) };
}

/** Why somebody was refused; undefined for who came in. */
async function comeTo(upstream: Upstream, name: string, person: Partial<Person>): Promise<string | undefined> {
  upstream.addPerson({ sub: '1', name: 'Ada', username: 'ada', emailVerified: true, ...person });
  if (isBack((await signInWith(app, upstream, name)).url)) return undefined;
  return (await product.events('federation.refused')).at(-1)?.reason ?? 'no reason';
}

const find = (email: string) => product.app.core.users.findByLogin(email);
const tenants = ['6babcaad-604b-40ac-a9d7-9fd97c0b779f', '11111111-604b-40ac-a9d7-9fd97c0b779f'] as const;

describe('GitHub', () => {
  it('tells the primary address, if it is verified, whatever the profile shows', async () => {
    const { come } = await at('github');
    const emails = [
      { email: 'old@github.example', primary: false, verified: true },
      { email: 'main@github.example', primary: true, verified: true },
    ];
    expect(await come({ sub: '10', emails, more: { email: 'shown@github.example' } })).toBeUndefined();
    expect([await find('old@github.example'), await find('shown@github.example')]).toEqual([undefined, undefined]);
    expect(await find('main@github.example')).toMatchObject({ emailVerified: true });
    const unverified = [emails[0] ?? emails[1], { email: 'typed@github.example', primary: true, verified: false }];
    expect(await come({ sub: '11', emails: unverified as typeof emails })).toBe('unverified');
  });

  it('lets members of an organisation or a team in alone, once they have accepted', async () => {
    const { come, register } = await at('github', { require: { organizations: ['Harbour'] } });
    const member = { sub: '20', email: 'member@github.example' };
    expect(await come({ ...member, organisations: [{ login: 'elsewhere' }] })).toBe('requirements_not_met');
    expect(await come({ ...member, organisations: [{ login: 'harbour', state: 'pending' }] })).toBe(
      'requirements_not_met',
    );
    const organisations = [{ login: 'harbour', teams: ['pilots'] }];
    expect(await come({ ...member, organisations })).toBeUndefined();
    await register({ require: { teams: ['harbour/stokers'] } });
    expect(await come({ ...member, organisations })).toBe('requirements_not_met');
    await register({ require: { teams: ['harbour/pilots'] } });
    expect(await come({ ...member, organisations })).toBeUndefined();
  });
});

describe('Google', () => {
  it('lets a Workspace domain in by its claim, never by the address', async () => {
    const { come } = await at('google', { require: { hd: ['house.example'] } });
    expect(await come({ sub: '30', email: 'ada@house.example' })).toBe('requirements_not_met');
    expect(await come({ sub: '31', email: 'ann@house.example', more: { hd: 'house.example' } })).toBeUndefined();
  });
});

describe('Microsoft', () => {
  it.each(['common', 'organizations', tenants[0]])('signs people of its own in at %s', async (tenant) => {
    const { come } = await at('microsoft', {}, { tenant });
    expect(await come({ sub: '40', email: `at-${tenant}@ms.example`, tenant: tenants[0] })).toBeUndefined();
    const another = await come({ sub: '41', email: `else-${tenant}@ms.example`, tenant: personalTenant });
    expect(another === undefined).toBe(tenant === 'common');
  });

  it('has one person for each tenant: the subject alone is nobody', async () => {
    const { come } = await at('microsoft', {}, { tenant: 'organizations' });
    expect(await come({ sub: '50', email: 'one@ms.example', tenant: tenants[0] })).toBeUndefined();
    expect(await come({ sub: '50', email: 'two@ms.example', tenant: tenants[1] })).toBeUndefined();
    const [one, two] = [await find('one@ms.example'), await find('two@ms.example')];
    expect(one?.id).not.toBe(two?.id);
    const kept = await product.database.prisma.federatedIdentity.findMany({ where: { userId: two?.id ?? '' } });
    expect(kept).toMatchObject([{ issuer: expect.stringContaining(tenants[1]) }]);
  });

  it('is not believed where a tenant speaks for another, nor about an address that it has not verified', async () => {
    const { come, upstream } = await at('microsoft', {}, { tenant: 'organizations' });
    upstream.forgeIdToken({ claims: { iss: `${upstream.url}/${tenants[1]}/v2.0` } });
    const person = { sub: '60', email: 'sixty@ms.example', tenant: tenants[0] };
    expect(await come(person)).toBe('oauth_jwt_claim_comparison_failed');
    expect(await come({ ...person, emailVerified: false })).toBe('unverified');
  });

  it('lets the tenants in that are asked for', async () => {
    const { come } = await at('microsoft', { require: { tid: [tenants[0]] } }, { tenant: 'organizations' });
    expect(await come({ sub: '70', email: 'a70@ms.example', tenant: tenants[1] })).toBe('requirements_not_met');
    expect(await come({ sub: '71', email: 'a71@ms.example', tenant: tenants[0] })).toBeUndefined();
  });
});

describe('what a provider says of somebody', () => {
  it('is taken over once, or each time where the operator says so; roles and organisations are stored', async () => {
    const { upstream, register } = await at('oidc');
    const mapping = { name: '{given} {family}', roles: 'realm.roles', organizations: 'groups[*].name' };
    const kind = kindOf('oidc');
    const name = 'mapped';
    const map = (claims: 'first' | 'always') =>
      product.app.core.providers.upsert(
        { ...seedOf(kind, upstream, name), mapping, policy: { create: true, claims } },
        byOperator,
      );
    const says = (family: string, roles: string[]) =>
      comeTo(upstream, name, {
        sub: '80',
        email: 'mapped@up.example',
        more: { given: 'Ada', family, realm: { roles }, groups: [{ name: 'crew' }] },
      });
    const stored = async () => {
      const user = await find('mapped@up.example');
      const [one] = await product.database.prisma.federatedIdentity.findMany({ where: { userId: user?.id ?? '' } });
      return [user?.claims['name'], JSON.parse(one?.attributes ?? '{}') as unknown];
    };
    await register({});
    await map('first');
    expect(await says('Byron', ['cook'])).toBeUndefined();
    const first = ['Ada Byron', { roles: ['cook'], organizations: ['crew'] }];
    expect(await stored()).toEqual(first);
    expect(await says('Lovelace', ['captain'])).toBeUndefined();
    expect(await stored()).toEqual(first);
    await map('always');
    expect(await says('Lovelace', ['captain'])).toBeUndefined();
    expect(await stored()).toEqual(['Ada Lovelace', { roles: ['captain'], organizations: ['crew'] }]);
    // Stored, and of no effect yet.
    expect((await find('mapped@up.example'))?.roles).toEqual([]);
  });
});

const isQuirk = /^ {2}(refuses|tokenError|tokenReply|redirectExtras|badToken):/;

describe('the stand-ins', () => {
  const folder = join(import.meta.dirname, '../kit/upstreams/dialects');
  it.each(readdirSync(folder).filter((name) => name !== 'generic.ts'))('cite the documentation of %s', (name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const host = { github: 'docs.github.com', gitlab: 'docs.gitlab.com', google: 'developers.google.com' };
    const more = { microsoft: 'learn.microsoft.com', apple: 'developer.apple.com', spotify: 'developer.spotify.com' };
    const hosts: Readonly<Record<string, string>> = { ...host, ...more, discord: 'discord.com/developers' };
    expect(text).toContain(`https://${hosts[name.replace('.ts', '')]}`);
    // What differs from the standard has words above it that say where that is written.
    const lines = text.split('\n');
    const quirks = lines.flatMap((line, index) => (isQuirk.test(line) ? [lines[index - 1]] : []));
    for (const above of quirks) expect(above).toMatch(/^ {2}\/\/ /);
  });
});
