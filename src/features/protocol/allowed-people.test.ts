import { describe, expect, it } from 'vitest';
import type { Clients } from '../clients/module.ts';
import type { User } from '../users/module.ts';
import { isFor } from './allowed-people.ts';

const ada = { id: 'ada-id', email: 'Ada@Example.org', emailVerified: true, roles: [] } as unknown as User;
const isForAda = (metadata: object, more: Partial<User> = {}) => {
  const clients = { find: () => ({ metadata }) } as unknown as Clients;
  return isFor({ clients }, 'app', { ...ada, ...more });
};

describe('an app', () => {
  it.each([
    [{}],
    [{ allowed_users: ['bob@example.org', ' ada@example.ORG'] }],
    [{ allowed_users: ['ada-id'] }],
    [{ allowed_users: [], allowed_roles: ['super-admin'] }, { roles: ['super-admin'] }],
    [{ allowed_users: ['ada-id'], allowed_roles: ['super-admin'] }],
  ] as [object, Partial<User>?][])('is for a person where the operator says %o', (metadata, more) => {
    expect(isForAda(metadata, more)).toBe(true);
  });

  it.each([
    [{ allowed_users: [] }],
    [{ allowed_roles: [] }],
    [{ allowed_users: ['bob@example.org'] }, { roles: ['super-admin'] }],
    [{ allowed_roles: ['super-admin'] }],
    [{ allowed_users: ['ada@example.org'] }, { emailVerified: false }],
    [{ allowed_users: ['ADA-ID', 'ada', ''] }],
  ] as [object, Partial<User>?][])('is not for them where it is %o', (metadata, more) => {
    expect(isForAda(metadata, more)).toBe(false);
  });

  it('that lives in code is for everybody', () => {
    expect(isFor({ clients: { find: () => undefined } }, 'postern', ada)).toBe(true);
  });
});
