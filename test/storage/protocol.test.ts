import { describe, expect, it } from 'vitest';
import { losses } from '../../src/features/protocol/losses.ts';
import { writes } from '../../src/features/protocol/store.ts';
import type { Statement } from '../../src/foundation/db/statement.ts';
import { ENGINES } from './kit/engines.ts';
import { type Kind, payloadOf } from './kit/protocol.ts';
import { recordsOf, tokenOf, useTwoNodes } from './kit/records.ts';

describe.each(ENGINES)('protocol records on $name', (engine) => {
  const on = useTwoNodes(engine);
  const { idOf, save, saved, find, grant, rowOf } = recordsOf(on);
  const kinds: Kind[] = [
    'AccessToken',
    'AuthorizationCode',
    'ClientCredentials',
    'DeviceCode',
    'Grant',
    'Interaction',
    'PushedAuthorizationRequest',
    'RefreshToken',
    'ReplayDetection',
    'Session',
  ];

  it.each(kinds)(
    'show a %s within its unit, to nobody else before the commit, and to everybody after',
    async (kind) => {
      const payload = {
        note: 'as it was saved',
        ...(kind === 'Session' ? { uid: `u${on.name}`, accountId: 'alice' } : {}),
      };
      const commit = await on.protocol.begin(async () => {
        expect(await find(kind)).toBeUndefined();
        await save(kind, { ...payload, jti: idOf(kind) });
        expect(await find(kind)).toMatchObject({ ...payload, jti: idOf(kind) });
      });
      expect(await on.elsewhere.adapter(kind).find(idOf(kind))).toBeUndefined();
      expect(await commit()).toBeUndefined();
      expect(await on.elsewhere.adapter(kind).find(idOf(kind))).toEqual({
        ...payloadOf(on.clock, kind, payload),
        jti: idOf(kind),
      });
    },
  );

  it('are gone within the unit that destroys them, and for everybody after', async () => {
    await saved('Interaction');
    await on.protocol.serve(async () => {
      await on.protocol.adapter('Interaction').destroy(idOf('Interaction'));
      expect(await find('Interaction')).toBeUndefined();
    });
    expect(await find('Interaction')).toBeUndefined();
    const { ended_at } = (await rowOf('Interaction')) ?? {};
    expect(ended_at).toBe(on.clock.now());
  });

  it('are found by session uid and by user code, before the commit and after', async () => {
    const uid = `u${on.name}`;
    const userCode = `CODE${on.name}`;
    await on.protocol.serve(async () => {
      await save('Session', { uid, accountId: 'alice' });
      await save('DeviceCode', { userCode });
      expect(await on.protocol.adapter('Session').findByUid(uid)).toMatchObject({ uid, jti: idOf('Session') });
      expect(await on.protocol.adapter('DeviceCode').findByUserCode(userCode)).toMatchObject({ userCode });
    });
    expect(await on.protocol.adapter('Session').findByUid(uid)).toMatchObject({ uid, accountId: 'alice' });
    expect(await on.protocol.adapter('DeviceCode').findByUserCode(userCode)).toMatchObject({ userCode });
    expect(await on.protocol.adapter('Session').findByUid('another')).toBeUndefined();
    expect(await on.protocol.adapter('DeviceCode').findByUserCode('ANOTHER')).toBeUndefined();
    await on.protocol.serve(() => on.protocol.adapter('Session').destroy(idOf('Session')));
    expect(await on.protocol.adapter('Session').findByUid(uid)).toBeUndefined();
  });

  it('hide a session by its uid within the unit that ends it', async () => {
    await saved('Session', { uid: `u${on.name}`, accountId: 'alice' });
    await on.protocol.serve(async () => {
      await on.protocol.adapter('Session').destroy(idOf('Session'));
      expect(await on.protocol.adapter('Session').findByUid(`u${on.name}`)).toBeUndefined();
    });
  });

  it('hold nothing that could be presented: neither ids nor, of sealed kinds, anything else', async () => {
    const secrets = kinds.map((kind) => `${tokenOf[kind] ?? ''}canary-${kind}-${on.name}`);
    const sealed = `sealed-canary-${on.name}`;
    await on.protocol.serve(async () => {
      for (const [index, kind] of kinds.entries()) {
        const isSealed = ['Session', 'Interaction', 'DeviceCode', 'PushedAuthorizationRequest'].includes(kind);
        const own = isSealed ? { cookie: sealed, userCode: sealed, uid: `${sealed}${index}` } : {};
        await save(kind, { jti: secrets[index] as string, ...own }, secrets[index]);
      }
    });
    const dump = JSON.stringify(
      await Promise.all(
        ['artifacts', 'grants', 'sign_in_sessions', 'denials'].map((table) =>
          on.protocol.rows(`SELECT * FROM ${table}`),
        ),
      ),
    );
    expect(dump).toContain(on.protocol.codec.keyOf('Session', `canary-Session-${on.name}`));
    expect(dump).not.toContain(sealed);
    // A grant's id is an internal reference and no bearer value.
    const presentable = secrets.filter((_, index) => kinds[index] !== 'Grant');
    expect(presentable.filter((secret) => dump.includes(secret))).toEqual([]);
  });

  it('do not open when their sealed payload is moved to another row', async () => {
    await saved('Interaction', {}, `${on.name}1`);
    await saved('Interaction', {}, `${on.name}2`);
    const stolen = await rowOf('Interaction', `${on.name}1`);
    const target = on.protocol.codec.keyOf('Interaction', `${on.name}2`);
    await on.database.together((tx) =>
      tx.artifact.update({ where: { id: target }, data: { payload: stolen?.payload ?? '' } }),
    );
    await expect(find('Interaction', `${on.name}2`)).rejects.toMatchObject({ code: 'decrypt_failed' });
  });

  it('are not even looked up when a token lacks the prefix of its kind', async () => {
    const before = on.database.activity().statements;
    expect(await find('AccessToken', `rt_${on.name}`)).toBeUndefined();
    expect(on.database.activity().statements).toBe(before);
  });

  it('keep what a on.database would refuse or cut: NUL, lone surrogates, long payloads, far times', async () => {
    const odd = { text: 'a\0b\ud800c\udfff🔑', long: '漢'.repeat(100_000), exp: 253_402_300_799 };
    for (const kind of ['AuthorizationCode', 'Interaction'] as const) {
      expect(await saved(kind, odd)).toBeUndefined();
      expect(await find(kind)).toMatchObject(odd);
    }
    const [row] = await on.protocol.rows(
      'SELECT expires_at FROM artifacts WHERE id = ?1',
      on.protocol.codec.keyOf('Interaction', on.name),
    );
    expect(row?.['expires_at']).toBe(253_402_300_799_000);
    expect(await find('Interaction', 'x\0\ud800')).toBeUndefined();
    expect(await on.protocol.adapter('DeviceCode').findByUserCode('x\0\ud800')).toBeUndefined();
  });

  describe('that are over stay so', () => {
    it.each(['AuthorizationCode', 'Interaction', 'Session', 'PushedAuthorizationRequest'] as const)(
      'when a %s is saved again',
      async (kind) => {
        const payload = { uid: `u${on.name}` };
        await saved(kind, payload);
        await on.protocol.serve(() => on.protocol.adapter(kind).destroy(idOf(kind)));
        const before = await rowOf(kind);
        expect(await saved(kind, { ...payload, note: 'again' })).toMatchObject({ status: 400 });
        expect(await rowOf(kind)).toEqual(before);
      },
    );

    it('when a used code is saved again', async () => {
      await saved('AuthorizationCode');
      await on.protocol.serve(() => on.protocol.adapter('AuthorizationCode').consume(idOf('AuthorizationCode')));
      expect(await saved('AuthorizationCode', { note: 'again' })).toBe(losses.grant);
      expect((await rowOf('AuthorizationCode'))?.payload).not.toContain('again');
    });

    it('when an ended grant is saved again', async () => {
      await grant();
      await on.protocol.serve(() => on.protocol.adapter('Grant').destroy(on.name));
      expect(await find('Grant', on.name)).toBeUndefined();
      expect(await grant()).toBe(losses.grant);
      expect(await find('Grant', on.name)).toBeUndefined();
    });

    it('while one that is alive takes what is saved again', async () => {
      await saved('Interaction', { result: 'none' });
      expect(await saved('Interaction', { result: 'signed in' })).toBeUndefined();
      expect(await find('Interaction')).toMatchObject({ result: 'signed in' });
      await grant();
      expect(await saved('Grant', { accountId: 'alice', note: 'more' }, on.name)).toBeUndefined();
      expect(await find('Grant', on.name)).toMatchObject({ note: 'more' });
    });
  });

  if (engine.engine !== 'postgresql') return;

  it('are found, used and ended by their indexes, however many there are', async () => {
    const stored = await on.protocol.serve(async () => {
      for (const index of Array(300).keys()) {
        await save('Grant', {}, `${on.name}${index}`);
        for (const turn of Array(10).keys()) {
          await save('AccessToken', { grantId: `${on.name}${index}` }, `at_${turn}-${index}-${on.name}`);
        }
      }
    });
    expect(stored).toBeUndefined();
    await on.protocol.rows('ANALYZE artifacts');
    const planOf = async ({ sql }: Statement): Promise<string> => {
      const plain = sql.postgresql.replaceAll(/\?1/g, "'x'").replaceAll(/\?[23]/g, '1');
      return JSON.stringify(await on.protocol.rows(`EXPLAIN ${plain}`));
    };
    expect(await planOf(writes.consume)).toContain('artifacts_pkey');
    expect(await planOf(writes.endFamily)).toContain('artifacts_grant_id_idx');
    expect(await planOf(writes.endCookies)).toContain('artifacts_lookup_idx');
  });
});
