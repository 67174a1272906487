import { describe, expect, it } from 'vitest';
import type { Clients } from '../clients/module.ts';
import { createStartAgain, type FormerInteraction } from './start-again.ts';

const metadata = { client_name: 'Shop', client_uri: 'https://shop.example/' };
const clients = { find: (id: string) => (id === 'shop' ? { metadata } : undefined) } as unknown as Clients;
const interactions = new Map<string, FormerInteraction>([
  ['finished-one', { clientId: 'shop', finished: true }],
  ['expired-one', { clientId: 'shop', finished: false, params: { ui_locales: 'de' } }],
]);
const find = createStartAgain({ issuer: 'https://id.example', clients, former: async (uid) => interactions.get(uid) });
const reference = { code: 'session_not_found', reference: 'r-1', time: 5 };
const ask = (path: string, cookie: string | undefined = 'a=1') =>
  find({ path, headers: cookie ? { cookie } : {}, state: {} }, reference);
const shop = { name: 'Shop', href: 'https://shop.example/' };

describe('the page for a step that is not there', () => {
  it.each([
    ['/interaction/finished-one', 'interaction_finished', 'finished', shop],
    ['/interaction/finished-one/login', 'interaction_finished', 'finished', shop],
    ['/interaction/expired-one', 'interaction_missing', 'expired', shop],
    ['/interaction/unknown-one', 'interaction_missing', 'expired', undefined],
    ['/authorize', 'interaction_missing', 'expired', undefined],
    ['/device', 'interaction_finished', 'finished', undefined],
  ])('says what became of it, and leads back: %s', async (path, code, reason, backTo) => {
    expect(await ask(path)).toEqual({
      page: 'interaction/start-again',
      locals: { reference: 'r-1', time: 5, code, reason, backTo },
    });
  });

  it('speaks as the app had asked', async () => {
    const state = {};
    await find({ path: '/interaction/expired-one', headers: {}, state }, reference);
    expect(state).toEqual({ uiLocales: 'de' });
  });

  it('says so when the browser keeps no cookies', async () => {
    expect(await ask('/interaction/finished-one', '')).toMatchObject({
      page: 'interaction/cookies-off',
      locals: { code: 'cookies_missing', backTo: shop },
    });
  });
});
