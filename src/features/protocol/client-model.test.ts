import type Provider from 'oidc-provider';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { ClientRecord, Clients } from '../clients/module.ts';
import { adaptClientModel, clientMetadata } from './client-model.ts';
import { houseClientId } from './routes.ts';

const now = 1_000;
const record = (metadata: object, more: object = {}): ClientRecord =>
  ({
    clientId: 'shop',
    metadata: { resources: [], grant_types: [], ...metadata },
    secrets: [],
    ...more,
  }) as unknown as ClientRecord;
const clientsOf = (known?: ClientRecord): Clients =>
  ({
    find: (id: string) => (id === known?.clientId ? known : undefined),
    findResource: (id: string) => (id === 'https://api.example/' ? { scopes: [{ name: 'read' }] } : undefined),
  }) as unknown as Clients;
const engine = { issuer: 'https://id.example', scopes: new Set(['openid', 'profile', 'read']) };

describe('the metadata of a client', () => {
  it('of our own pages is in code, and brings no token', () => {
    expect(clientMetadata(clientsOf(), engine, houseClientId)).toMatchObject({
      client_id: houseClientId,
      client_name: 'id.example',
      redirect_uris: ['https://id.example/', 'https://id.example/account'],
      response_types: ['none'],
      grant_types: [],
    });
  });

  it('is none for the unknown and the disabled', () => {
    expect(clientMetadata(clientsOf(), engine, 'shop')).toBeUndefined();
    expect(clientMetadata(clientsOf(record({}, { disabledAt: 1 })), engine, 'shop')).toBeUndefined();
  });

  it.each([
    [{}, 'openid profile'],
    [{ scope: 'openid email' }, 'openid'],
    [{ scope: 'openid', resources: ['https://api.example/', 'https://gone.example/'] }, 'openid read'],
    [{ scope: 'nothing' }, ''],
  ])('lists what it may ask for, of what the engine knows: %j', (metadata, scope) => {
    const answered = clientMetadata(clientsOf(record(metadata)), engine, 'shop');
    expect(answered).toMatchObject({ client_id: 'shop', scope });
    expect(answered).not.toHaveProperty('resources');
  });
});

describe('the library’s client model', () => {
  let asked: string[];
  let sent: unknown[][];
  let wrong: unknown[];
  let held: boolean;
  const notice = vi.fn();

  /** The library's model, adapted, over one client. */
  function adapted(known?: ClientRecord) {
    class Model {
      clientId = 'shop';
      backchannelLogoutUri = (known?.metadata as { backchannel_logout_uri?: string } | undefined)
        ?.backchannel_logout_uri;
      static async find(id: string): Promise<Model | undefined> {
        asked.push(id);
        return known && id === 'shop' && known.disabledAt === undefined && known.metadata.scope !== 'broken'
          ? new Model()
          : undefined;
      }
      async compareClientSecret(_secret: string): Promise<boolean> {
        return true;
      }
      async backchannelLogout(...given: unknown[]): Promise<void> {
        sent.push(given);
      }
      checkClientSecretExpiration(): void {
        throw new Error('expired');
      }
    }
    const provider = { Client: Model } as unknown as Provider;
    const throttle = { isHeldSecret: () => held, wrongSecret: (attempt: unknown) => void wrong.push(attempt) };
    const hooks = {
      clients: clientsOf(known),
      clock: { now: () => now },
      throttle,
      noticeLogout: notice,
      refreshKeys: async () => undefined,
    };
    return { Model, ...adaptClientModel(provider, hooks) };
  }

  beforeEach(() => {
    asked = [];
    sent = [];
    wrong = [];
    held = false;
    notice.mockClear();
  });

  it('takes each secret that is still good, and no other', async () => {
    const secrets = [
      { hash: sha256('first') },
      { hash: sha256('second'), expiresAt: now + 1 },
      { hash: sha256('old'), expiresAt: now },
    ];
    const client = new (adapted(record({}, { secrets })).Model)();
    const taken = await Promise.all(
      ['first', 'second', 'old', 'wrong', ''].map((secret) => client.compareClientSecret(secret)),
    );
    expect(taken).toEqual([true, true, false, false, false]);
    expect(() => client.checkClientSecretExpiration()).not.toThrow();
    expect(await new (adapted().Model)().compareClientSecret('first')).toBe(false);
  });

  it('counts wrong secrets, and takes none from where too many came from', async () => {
    const client = new (adapted(record({}, { secrets: [{ hash: sha256('first') }] })).Model)();
    await client.compareClientSecret('first');
    expect(wrong).toEqual([]);
    await client.compareClientSecret('wrong');
    expect(wrong).toEqual([expect.objectContaining({ clientId: 'shop', address: undefined })]);
    held = true;
    expect(await client.compareClientSecret('first')).toBe(false);
  });

  it('parses a client once for as long as its record stands', async () => {
    const { Model } = adapted(record({}));
    expect(await Model.find('shop')).toBe(await Model.find('shop'));
    expect(asked).toEqual(['shop']);
  });

  it.each([
    ['unknown', undefined],
    ['disabled', record({}, { disabledAt: 1 })],
    ['refused by the library', record({ scope: 'broken' })],
  ])('remembers nothing of one that is %s', async (_, known) => {
    const { Model } = adapted(known);
    expect([await Model.find('shop'), await Model.find('shop')]).toEqual([undefined, undefined]);
    expect(asked).toEqual(['shop', 'shop']);
  });

  it('leaves what is no client id to the library', async () => {
    expect(await adapted(record({})).Model.find(7 as unknown as string)).toBeUndefined();
  });

  it('notices a logout instead of sending it, and sends it when asked to', async () => {
    const { Model, sendLogout } = adapted(record({ backchannel_logout_uri: 'https://shop.example/out' }));
    const client = new Model();
    await client.backchannelLogout('alice', 'sid');
    expect(notice.mock.calls).toEqual([[client, 'alice', 'sid']]);
    expect(sent).toEqual([]);
    await sendLogout('shop', 'alice', 'sid');
    expect(sent).toEqual([['alice', 'sid']]);
  });

  it.each([
    ['lost its address', record({})],
    ['was disabled', record({ backchannel_logout_uri: 'https://shop.example/out' }, { disabledAt: 1 })],
  ])('sends no logout to a client that %s meanwhile', async (_, known) => {
    await adapted(known).sendLogout('shop', 'alice', 'sid');
    expect(sent).toEqual([]);
  });
});
