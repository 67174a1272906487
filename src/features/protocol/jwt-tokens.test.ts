import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { createJwtTokens, longestAccessTokenMs, type PublishedKey } from './jwt-tokens.ts';
import { type ProtocolStore, writes } from './store.ts';
import { UnitOfWork } from './unit.ts';

const now = 1_800_000_000_000;
const seconds = now / 1000;
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
let published: PublishedKey[] = [
  { kid: 'e1', alg: 'ES256', publicJwk: ec.publicKey.export({ format: 'jwk' }) },
  { kid: 'r1', alg: 'RS256', publicJwk: rsa.publicKey.export({ format: 'jwk' }) },
];

const encode = (part: unknown): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
function signed(header: unknown, claims: unknown, key: KeyObject = ec.privateKey): string {
  const input = `${encode(header)}.${encode(claims)}`;
  const options = key.asymmetricKeyType === 'ec' ? { key, dsaEncoding: 'ieee-p1363' as const } : { key };
  return `${input}.${sign('sha256', Buffer.from(input), options).toString('base64url')}`;
}
const header = { alg: 'ES256', typ: 'at+jwt', kid: 'e1' };
const claims = {
  iss: 'https://id.example',
  sub: 'alice',
  aud: 'https://api.example/',
  exp: seconds + 60,
  iat: seconds - 60,
  jti: 'j1',
  client_id: 'shop',
  scope: 'read',
  gref: 'reference',
  roles: ['admin'],
};
const own = { ...claims, sub: 'shop', gref: undefined };

describe('JWT access tokens', () => {
  let unit: UnitOfWork;
  let denied: Map<string, number>;
  let ended: number | null;

  beforeEach(() => {
    unit = new UnitOfWork(now);
    denied = new Map();
    ended = null;
  });

  const store = {
    grantByReference: async (reference: string) =>
      reference === 'reference' ? { id: 'g1', payload: '{"accountId":"alice"}', ended_at: ended } : undefined,
    denials: async (keys: readonly string[]) => new Map([...denied].filter(([key]) => keys.includes(key))),
  } as unknown as ProtocolStore;
  const clock = { now: () => now };
  const tokens = createJwtTokens({ issuer: 'https://id.example', clock, store, publishedKeys: () => published });
  const find = (token: string, kind = 'AccessToken') => {
    unit.presented.set('handle', { value: token, verified: false });
    return tokens.find(unit, 'handle', kind);
  };

  it('of a person are shown as the library keeps its own, with what we added', async () => {
    expect(await find(signed(header, { ...claims, cnf: { jkt: 'thumb' } }))).toEqual({
      kind: 'AccessToken',
      jti: 'j1',
      iat: seconds - 60,
      exp: seconds + 60,
      aud: 'https://api.example/',
      scope: 'read',
      clientId: 'shop',
      accountId: 'alice',
      grantId: 'g1',
      extra: { roles: ['admin'] },
      jkt: 'thumb',
    });
  });

  it('of a service carry no person', async () => {
    const found = await find(signed({ ...header, alg: 'RS256', kid: 'r1' }, own, rsa.privateKey), 'ClientCredentials');
    expect(found).toMatchObject({ kind: 'ClientCredentials', clientId: 'shop' });
    expect(found).not.toHaveProperty('accountId');
  });

  it('are of one kind only', async () => {
    expect(await find(signed(header, claims), 'ClientCredentials')).toBeUndefined();
    expect(await find(signed(header, own), 'AccessToken')).toBeUndefined();
    expect(await find(signed(header, claims), 'RefreshToken')).toBeUndefined();
  });

  it('are checked once a request', async () => {
    const token = { value: signed(header, claims), verified: false };
    unit.presented.set('handle', token);
    expect(await tokens.find(unit, 'handle', 'AccessToken')).toBeDefined();
    const keys = published;
    published = [];
    expect(await tokens.find(unit, 'handle', 'AccessToken')).toBeDefined();
    published = keys;
    expect(token.verified).toBe(true);
  });

  const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const right = signed(header, claims);
  it.each([
    ['no JWT at all', 'eyA'],
    ['two parts', right.split('.').slice(0, 2).join('.')],
    ['four parts', `${right}.x`],
    ['no signature', `${right.split('.').slice(0, 2).join('.')}.`],
    ['another spelling of the same signature', `${right}=`],
    ['a cut signature', right.slice(0, -1)],
    ['a changed payload', right.replace(/\.[^.]*\./, `.${encode({ ...claims, sub: 'bob' })}.`)],
    ['another’s signature', signed(header, claims, foreign)],
    ['a header that is no JSON', signed('no json', claims)],
    ['a header that is no object', signed('[]', claims)],
    ['claims that are no object', signed(header, 'null')],
    ['claims that are a number', signed(header, '7')],
    ['no algorithm', signed({ ...header, alg: 'none' }, claims)],
    ['a symmetric algorithm', signed({ ...header, alg: 'HS256' }, claims)],
    ['an inherited name for an algorithm', signed({ ...header, alg: 'toString' }, claims)],
    ['the algorithm of another key', signed({ ...header, kid: 'r1' }, claims)],
    ['an unknown key', signed({ ...header, kid: 'e2' }, claims)],
    ['an id token', signed({ ...header, typ: 'JWT' }, claims)],
    ['no type', signed({ alg: 'ES256', kid: 'e1' }, claims)],
    ['a critical extension (RFC 7515 §4.1.11)', signed({ ...header, crit: ['b64'] }, claims)],
    ['another issuer', signed(header, { ...claims, iss: 'https://evil.example' })],
    ['an end that has come', signed(header, { ...claims, exp: seconds })],
    ['no end', signed(header, { ...claims, exp: undefined })],
    ['no beginning', signed(header, { ...claims, iat: undefined })],
    ['no id', signed(header, { ...claims, jti: undefined })],
    ['an unknown grant', signed(header, { ...claims, gref: 'another' })],
  ])('are none of ours with %s', async (_, token) => {
    expect(await find(token)).toBeUndefined();
  });

  it('are found by no handle that the request did not present', async () => {
    expect(await tokens.find(unit, 'jwt~guessed', 'AccessToken')).toBeUndefined();
  });

  it('end with their grant', async () => {
    ended = now;
    expect(await find(signed(header, claims))).toBeUndefined();
  });

  it.each([
    ['by id, whenever that was', 'jti:j1', 0, false],
    ['with their family, up to that moment', 'grant:g1', now - 60_000, false],
    ['with their client, up to that moment', 'client:shop', now - 60_000, false],
    ['not by a denial of their family before them', 'grant:g1', now - 60_001, true],
    ['not by a denial of their client before them', 'client:shop', now - 60_001, true],
    ['not by a denial of others', 'client:books', now, true],
  ])('are denied: %s', async (_, key, at, isAlive) => {
    denied.set(key, at);
    expect((await find(signed(header, claims))) !== undefined).toBe(isAlive);
  });

  it('are denied by id for as long as they would live, once they were found', async () => {
    await find(signed(header, claims));
    expect(tokens.deny(unit, 'another')).toBe(false);
    expect(tokens.deny(unit, 'j1')).toBe(true);
    expect(unit.ordered()).toEqual([
      { rank: 'denial', key: 'jti:j1', statement: writes.deny, params: ['jti:j1', now, (seconds + 60) * 1000] },
    ]);
  });

  it('that were not verified are not denied: anybody could name another’s id', async () => {
    unit.presented.set('handle', { value: signed(header, claims, foreign), verified: false });
    expect(tokens.deny(unit, 'j1')).toBe(false);
    await tokens.find(unit, 'handle', 'AccessToken');
    expect(tokens.deny(unit, 'j1')).toBe(false);
  });

  it('of a family are denied for the longest time that one may live', () => {
    tokens.denyGrant(unit, 'g1');
    expect(unit.ordered().map(({ params }) => params)).toEqual([['grant:g1', now, now + longestAccessTokenMs]]);
  });
});
