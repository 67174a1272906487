import { hmacSha256 } from '../../foundation/crypto/hash.ts';
import { loginKey } from '../users/module.ts';

/** What ids of people who do not exist begin with; accounts have UUIDs. */
const prefix = 'nobody-';

/**
 * The id of somebody who does not exist, the same for one login each time: a client that asks for people (CIBA) cannot
 * find out by asking who has an account. Nobody can sign in as them, so that nobody ever answers.
 *
 * @param key 32 bytes, the same on every node
 */
export const nobodyCalled = (key: Buffer, login: string): string =>
  prefix + hmacSha256(key, loginKey(login.slice(0, 320)) ?? '').slice(0, 32);

export const isNobody = (accountId: string | undefined): boolean => accountId?.startsWith(prefix) === true;
