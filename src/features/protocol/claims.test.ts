import { describe, expect, it } from 'vitest';
import type { User, Users } from '../users/module.ts';
import { claimsOf, findAccount } from './claims.ts';

const user = {
  id: 'alice-id',
  email: 'alice@example.org',
  emailVerified: true,
  username: 'alice',
  claims: { name: 'Alice', sub: 'forged', email: 'forged@example.org' },
  updatedAt: 1_800_000_000_999,
  disabledAt: undefined,
} as unknown as User;
const find = findAccount({ find: async (id: string) => (id === user.id ? user : undefined) } as unknown as Users);

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
    const disabled = findAccount({ find: async () => ({ ...user, disabledAt: 1 }) } as unknown as Users);
    expect(await disabled({}, 'alice-id')).toBeUndefined();
  });
});
