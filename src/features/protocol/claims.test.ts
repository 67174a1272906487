import { describe, expect, it } from 'vitest';
import type { User, Users } from '../users/module.ts';
import { multiFactor, singleFactor } from './assurance.ts';
import { claimsOf, findAccount, tokenClaims } from './claims.ts';

const user = {
  id: 'alice-id',
  email: 'alice@example.org',
  emailVerified: true,
  username: 'alice',
  claims: { name: 'Alice', sub: 'forged', email: 'forged@example.org' },
  updatedAt: 1_800_000_000_999,
  disabledAt: undefined,
  roles: [],
} as unknown as User;
const users = { find: async (id: string) => (id === user.id ? user : undefined) } as unknown as Users;
type Policy = 'optional' | 'required';
const ruleOf = (policy: Policy, forAdministrators = policy) => ({
  mfaPolicies: {
    forRoles: (roles: User['roles']) => (roles.includes('super-admin') ? forAdministrators : policy),
    of: async () => policy,
    strictest: () => forAdministrators,
  },
  clients: { find: () => undefined },
});
const find = findAccount(users, ruleOf('optional'));

describe('the claims of a person', () => {
  it('are those of the account, which no claim can overwrite', () => {
    expect(claimsOf(user)).toEqual({
      preferred_username: 'alice',
      name: 'Alice',
      sub: 'alice-id',
      email: 'alice@example.org',
      email_verified: true,
      updated_at: 1_800_000_000,
    });
  });

  it('have no user name where there is none', () => {
    expect(claimsOf({ ...user, username: undefined } as unknown as User)).not.toHaveProperty('preferred_username');
  });
});

describe('the account that the library asks for', () => {
  it('is found with its claims', async () => {
    const account = await find({}, 'alice-id');
    expect([account?.accountId, await account?.claims('id_token', '', {}, [])]).toEqual(['alice-id', claimsOf(user)]);
  });

  it('is none for the unknown and the disabled', async () => {
    expect(await find({}, 'nobody')).toBeUndefined();
    const disabled = findAccount(
      { find: async () => ({ ...user, disabledAt: 1 }) } as unknown as Users,
      ruleOf('optional'),
    );
    expect(await disabled({}, 'alice-id')).toBeUndefined();
  });

  it.each(['AuthorizationCode', 'RefreshToken', 'DeviceCode'])(
    'is none for a %s of one factor once two are required of everybody',
    async (kind) => {
      const strict = findAccount(users, ruleOf('required'));
      expect(await strict({}, 'alice-id', { kind, acr: singleFactor })).toBeUndefined();
      expect(await strict({}, 'alice-id', { kind })).toBeUndefined();
      expect(await strict({}, 'alice-id', { kind, acr: multiFactor })).toBeDefined();
      expect(await find({}, 'alice-id', { kind, acr: singleFactor })).toBeDefined();
    },
  );

  it.each(['AuthorizationCode', 'RefreshToken', 'DeviceCode'])(
    'is none for a %s of one factor once two are required of a role that the person has',
    async (kind) => {
      const rule = ruleOf('optional', 'required');
      const administrator = { find: async () => ({ ...user, roles: ['super-admin'] }) } as unknown as Users;
      const strict = findAccount(administrator, rule);
      expect(await strict({}, 'alice-id', { kind, acr: singleFactor })).toBeUndefined();
      expect(await strict({}, 'alice-id', { kind, acr: multiFactor })).toBeDefined();
      expect(await findAccount(users, rule)({}, 'alice-id', { kind, acr: singleFactor })).toBeDefined();
    },
  );
});

describe('what an access token says of the sign-in (RFC 9470 §6)', () => {
  const claims = (oidc: object, kind = 'AccessToken') => tokenClaims({ oidc } as never, { kind });

  it('is that of the code or token that it was issued for, or of the session', async () => {
    const source = { acr: multiFactor, authTime: 7 };
    for (const name of ['AuthorizationCode', 'RefreshToken', 'DeviceCode']) {
      expect(await claims({ entities: { [name]: source } })).toEqual({ acr: multiFactor, auth_time: 7 });
    }
    const session = { acr: singleFactor, authTime: () => 9 };
    expect(await claims({ entities: {}, session })).toEqual({ acr: singleFactor, auth_time: 9 });
  });

  it('is nothing where nobody signed in', async () => {
    expect(await claims({ entities: {} }, 'ClientCredentials')).toBeUndefined();
    expect(await claims({ entities: {} })).toEqual({});
  });
});
