import { errors, type Grant } from 'oidc-provider';
import { beforeEach, describe, expect, it } from 'vitest';
import { contextFor } from '../../../test/kit/context.ts';
import type { Clients } from '../clients/module.ts';
import { createInteractions } from './interaction.ts';
import type { Allowed } from './remembered-consent.ts';

const clients = {
  find: (id: string) => (id === 'shop' ? { metadata: { client_name: 'Shop' } } : undefined),
} as unknown as Clients;

describe('interactions', () => {
  let asked: Record<string, unknown> | Error;
  let answers: unknown[];
  let remembered: Allowed[];
  let served: unknown[];

  beforeEach(() => {
    answers = [];
    remembered = [];
    served = [];
    asked = {
      uid: 'uid-1',
      returnTo: 'https://id.example/authorize/uid-1',
      prompt: { name: 'consent', reasons: ['op_scopes_missing'], details: {} },
      params: { client_id: 'shop', scope: 'openid email', redirect_uri: 'https://app.example/', login_hint: '' },
      session: { accountId: 'alice', uid: 'u1' },
      persist: async () => answers.push((asked as { result?: unknown }).result),
    };
  });

  /** A grant that notes what is allowed. */
  const grantNamed = (name: string, accountId = 'alice') => {
    const added: unknown[] = [];
    return {
      accountId,
      added,
      addOIDCScope: (scope: string) => added.push(scope),
      addOIDCClaims: (names: string[]) => added.push(names),
      addResourceScope: (...given: unknown[]) => added.push(given),
      save: async () => name,
    };
  };
  const existing = grantNamed('existing');
  const foreign = grantNamed('foreign', 'bob');
  const own = grantNamed('new');
  const provider = {
    async interactionDetails() {
      if (asked instanceof Error) throw asked;
      return asked;
    },
    cookieName: (name: string) => name,
    Grant: { find: async (id: string) => ({ existing, foreign })[id] },
  };
  const interactions = createInteractions({
    provider: () => provider as never,
    clients,
    clock: { now: () => 7_999 },
    consents: {
      find: async () => ({ scopes: [], claims: [], resources: {}, details: [] }),
      add: async (_, more) => void remembered.push(more),
    },
    grantOf: async () => own as unknown as Grant,
    serve: async (ctx) => {
      served.push([ctx.method, ctx.path, ctx.cookies.get('resume'), ctx.cookies.get('a')]);
    },
  });
  const request = (uid = 'uid-1', cookie: string | undefined = 'a=1') =>
    Object.assign(contextFor({ headers: cookie ? { cookie } : {} }), { params: { uid } });
  const change = (more: object) => {
    asked = { ...asked, ...more };
  };

  it('say what the engine asks for, and for whom', async () => {
    change({ result: { switch_account: true }, session: undefined });
    expect(await interactions.current(request())).toMatchObject({
      uid: 'uid-1',
      prompt: 'consent',
      reasons: ['op_scopes_missing'],
      clientId: 'shop',
      switching: true,
      accountId: undefined,
      loginHint: undefined,
      redirectUri: 'https://app.example/',
      app: { name: 'Shop' },
      requested: ['openid', 'email'],
      missing: { scopes: [], claims: [], resources: {} },
    });
    change({ prompt: { name: 'login', reasons: [], details: {} }, params: { client_id: 'shop' }, result: undefined });
    expect(await interactions.current(request())).toMatchObject({ prompt: 'login', switching: false, requested: [] });
  });

  it('are answered with how a person signed in, and when', async () => {
    await interactions.signedIn(request(), { accountId: 'alice', amr: ['pwd'], acr: 'one' });
    expect(answers).toEqual([{ login: { accountId: 'alice', amr: ['pwd'], acr: 'one', remember: false, ts: 7 } }]);
  });

  it('go on in the request that answers them, and leave it as it was', async () => {
    change({ session: undefined });
    const ctx = request();
    Object.assign(ctx, { method: 'POST', url: '/interaction/uid-1/sign-in' });
    await interactions.signedIn(ctx, { accountId: 'alice', amr: ['pwd'], acr: 'one' });
    expect(served).toEqual([['GET', '/authorize/uid-1', 'uid-1', '1']]);
    expect([ctx.method, ctx.url, ctx.cookies.get('resume')]).toEqual(['POST', '/interaction/uid-1/sign-in', undefined]);
  });

  it.each([
    ['somebody is signed in already', {}],
    ['the answer is a page', { session: undefined, params: { client_id: 'shop', response_mode: 'form_post' } }],
    ['it is not for an app', { session: undefined, returnTo: 'https://id.example/device/uid-1' }],
  ])('have the browser go on when %s', async (_, more) => {
    change(more);
    const ctx = request();
    await interactions.signedIn(ctx, { accountId: 'alice', amr: ['pwd'], acr: 'one' });
    expect(served).toEqual([]);
    expect([ctx.status, ctx.response.get('location')]).toEqual([303, (asked as Record<string, unknown>)['returnTo']]);
  });

  it('are answered with a refusal, which nothing comes along with', async () => {
    change({ result: { proved: {} }, lastSubmission: { login: {} } });
    await interactions.deny(request());
    expect(answers).toEqual([{ error: 'access_denied', error_description: 'the person went back to the app' }]);
  });

  it('are answered with what was answered before as well', async () => {
    change({ result: { proved: {} }, lastSubmission: { consent: {} } });
    await interactions.signedIn(request(), { accountId: 'alice', amr: ['pwd'], acr: 'one' });
    expect(answers).toMatchObject([{ consent: {}, login: { accountId: 'alice' } }]);
    expect(answers).not.toMatchObject([{ proved: {} }]);
  });

  it('ask for a sign-in next when the person is somebody else', async () => {
    expect(await interactions.switchAccount(request())).toBe('/interaction/uid-1');
    expect(answers).toEqual([{ switch_account: true }]);
  });

  it('are answered with a grant for what was missing, which is remembered', async () => {
    const details = {
      missingOIDCScope: ['openid', 'email'],
      missingOIDCClaims: ['nickname'],
      missingResourceScopes: { 'https://api.example/': ['read', 'write'] },
    };
    change({ prompt: { name: 'consent', reasons: [], details } });
    await interactions.allow(request());
    expect(answers).toEqual([{ consent: { grantId: 'new' } }]);
    expect(own.added).toEqual(['openid email', ['nickname'], ['https://api.example/', 'read write']]);
    expect(remembered).toEqual([
      {
        scopes: ['openid', 'email'],
        claims: ['nickname'],
        resources: { 'https://api.example/': ['read', 'write'] },
        details: [],
      },
    ]);
  });

  it.each([
    ['existing', 'existing'],
    ['foreign', 'new'],
    ['ended', 'new'],
  ])('add to the grant there is, when it is the person’s own: %s', async (grantId, used) => {
    change({ grantId });
    await interactions.allow(request());
    expect(answers).toEqual([{ consent: { grantId: used } }]);
  });

  it.each([
    ['nobody is signed in', { session: undefined }],
    ['the session has no name', { session: { accountId: 'alice' } }],
    ['the client is gone', { params: { client_id: 'gone' } }],
  ])('allow nothing when %s', async (_, more) => {
    change(more);
    await expect(interactions.allow(request())).rejects.toMatchObject({ code: 'interaction_missing' });
    expect(answers).toEqual([]);
  });

  it('are not answered from another tab’s page', async () => {
    await expect(interactions.deny(request('uid-2'))).rejects.toMatchObject({
      code: 'interaction_missing',
      status: 400,
    });
  });

  it.each([
    ['a=1', 'interaction_missing'],
    ['', 'cookies_missing'],
  ])('that are over say so (cookies: %j)', async (cookie, code) => {
    asked = new errors.SessionNotFound('gone');
    await expect(interactions.current(request('uid-1', cookie))).rejects.toMatchObject({ code });
  });

  it('leave other failures as they are', async () => {
    asked = new TypeError('broken');
    await expect(interactions.current(request())).rejects.toBe(asked);
  });
});
