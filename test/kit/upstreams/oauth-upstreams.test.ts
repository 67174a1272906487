import * as client from 'openid-client';
import { afterEach, describe, expect, it } from 'vitest';
import { insidePath } from './faults.ts';
import { callback, configure, signIn, visit } from './relying-party.ts';
import { startUpstream, type Upstream, type UpstreamOptions } from './upstream.ts';

const started: Upstream[] = [];
afterEach(() => Promise.all(started.splice(0).map((one) => one.stop())));

const start = async (name: Parameters<typeof startUpstream>[0], options: UpstreamOptions = {}): Promise<Upstream> => {
  const upstream = await startUpstream(name, options);
  started.push(upstream);
  return upstream;
};

const ada = { sub: '1815', name: 'Ada Lovelace', username: 'ada', email: 'ada@example.org', emailVerified: true };

const get = async (url: string | undefined, token: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(url ?? '', { headers: { authorization: `Bearer ${token}`, ...headers } });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as unknown };
};

describe('the stand-in for GitHub', () => {
  const scope = 'read:user user:email';
  const exchange = (upstream: Upstream, form: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(upstream.endpoints.token ?? '', {
      method: 'POST',
      headers,
      body: new URLSearchParams({
        client_id: upstream.clientId,
        client_secret: upstream.clientSecret,
        redirect_uri: callback,
        ...form,
      }),
    });

  it('answers forms unless JSON is asked for, and errors with 200', async () => {
    const github = await start('github');
    github.addPerson(ada);
    const { answer, verifier } = await visit(configure(github), { scope });
    const form = { code: answer.get('code') ?? '', code_verifier: verifier };
    const good = await exchange(github, form);
    expect(good.headers.get('content-type')).toContain('application/x-www-form-urlencoded');
    expect(Object.fromEntries(new URLSearchParams(await good.text()))).toMatchObject({
      token_type: 'bearer',
      scope: 'read:user,user:email',
    });
    const again = await exchange(github, form, { accept: 'application/json' });
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject({ error: 'bad_verification_code' });
    const stranger = await exchange(github, { client_secret: 'wrong' }, { accept: 'application/json' });
    expect([stranger.status, await stranger.json()]).toMatchObject([200, { error: 'incorrect_client_credentials' }]);
  });

  it.each([
    ['', {}],
    ['/api/v3', { variant: 'enterprise-server' as const }],
  ])('tells who it is below %j, and which address is verified elsewhere', async (rest, options) => {
    const github = await start('github', options);
    const emails = [
      { email: 'ada@work.example', primary: false, verified: true },
      { email: 'ada@example.org', primary: true, verified: true },
    ];
    github.addPerson({ ...ada, emails });
    const { access_token: token } = await signIn(configure(github), scope);
    expect(github.endpoints.userinfo).toBe(`${github.url}${rest}/user`);
    const user = await get(github.endpoints.userinfo, token);
    expect(user.body).toMatchObject({ id: 1815, login: 'ada', name: 'Ada Lovelace', email: null });
    expect((await get(github.endpoints.emails, token)).body).toMatchObject(emails);
    expect((await get(github.endpoints.userinfo, 'wrong')).body).toMatchObject({ message: 'Bad credentials' });
  });

  it('shows organisations and teams to whom was granted them, in pages', async () => {
    const github = await start('github');
    const harbour = Array.from({ length: 31 }, (_, index) => ({ login: `harbour-${index}`, teams: ['divers'] }));
    github.addPerson({ ...ada, organisations: [{ login: 'invited', state: 'pending' }, ...harbour] });
    const { access_token: poor } = await signIn(configure(github), scope);
    expect((await get(github.endpoints.orgs, poor)).status).toBe(404);
    const { access_token: token } = await signIn(configure(github), `${scope} read:org`);
    const first = await get(github.endpoints.orgs, token);
    expect(first.body).toHaveLength(30);
    expect(first.headers.get('link')).toContain('page=2>; rel="next"');
    expect((await get(`${github.endpoints.orgs}?page=2`, token)).body).toMatchObject([{ login: 'harbour-30' }]);
    const teams = await get(`${github.endpoints.teams}?per_page=100`, token);
    expect(teams.body).toHaveLength(31);
    expect(teams.body).toMatchObject([{ slug: 'divers', organization: { login: 'harbour-0' } }, ...Array(30).fill({})]);
  });

  it('takes a token back from the app that it belongs to', async () => {
    const github = await start('github');
    github.addPerson(ada);
    const { access_token: token } = await signIn(configure(github), scope);
    const revoke = (secret: string) =>
      fetch(github.endpoints.revocation?.replace(':client_id', github.clientId) ?? '', {
        method: 'DELETE',
        headers: { authorization: `Basic ${Buffer.from(`${github.clientId}:${secret}`).toString('base64')}` },
        body: JSON.stringify({ access_token: token }),
      });
    expect((await revoke('wrong')).status).toBe(404);
    expect((await revoke(github.clientSecret)).status).toBe(204);
    expect((await get(github.endpoints.userinfo, token)).status).toBe(401);
  });
});

describe('the stand-in for Discord', () => {
  it('takes forms only, and says whether the address was verified', async () => {
    const discord = await start('discord');
    discord.addPerson({ ...ada, emailVerified: false });
    const config = configure(discord);
    const tokens = await signIn(config, 'identify email');
    const me = await get(discord.endpoints.userinfo, tokens.access_token);
    expect(me.body).toMatchObject({
      id: '1815',
      global_name: 'Ada Lovelace',
      email: 'ada@example.org',
      verified: false,
    });
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token);
    const json = await fetch(discord.endpoints.token ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect([json.status, await json.json()]).toMatchObject([400, { error: 'invalid_request' }]);
    const poor = await signIn(config, 'identify');
    expect((await get(discord.endpoints.userinfo, poor.access_token)).body).not.toHaveProperty('email');
    expect((await get(discord.endpoints.userinfo, 'wrong')).body).toEqual({ message: '401: Unauthorized', code: 0 });
    expect((await visit(config, { scope: 'identify', prompt: 'login' })).answer.get('error')).toBe('invalid_request');
  });
});

describe('the stand-in for Spotify', () => {
  it('says nothing of the address, keeps its refresh token, and has errors of two kinds', async () => {
    const spotify = await start('spotify');
    spotify.addPerson(ada);
    const config = configure(spotify);
    const tokens = await signIn(config, 'user-read-email');
    const me = await get(spotify.endpoints.userinfo, tokens.access_token);
    expect(me.body).toMatchObject({ id: '1815', display_name: 'Ada Lovelace', email: 'ada@example.org' });
    expect(Object.keys(me.body as object).filter((name) => /verified/.test(name))).toEqual([]);
    expect((await client.refreshTokenGrant(config, tokens.refresh_token ?? '')).refresh_token).toBeUndefined();
    spotify.revokeRefreshTokens();
    const revoked = await fetch(spotify.endpoints.token ?? '', {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`client:${spotify.clientSecret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' }),
    });
    expect([revoked.status, await revoked.json()]).toEqual([400, { error: 'invalid_grant' }]);
    spotify.expireAccessTokens();
    const expired = await get(spotify.endpoints.userinfo, tokens.access_token);
    expect(expired.body).toEqual({ error: { status: 401, message: 'The access token expired' } });
  });
});

describe('a stand-in for any OAuth 2.0 provider', () => {
  it('has a profile that only a mapping makes sense of', async () => {
    const upstream = await start('oauth2');
    upstream.addPerson(ada);
    const { access_token: token } = await signIn(configure(upstream), 'profile');
    expect((await get(upstream.endpoints.userinfo, token)).body).toEqual({
      data: {
        account: { number: '1815' },
        contact: { mail: 'ada@example.org', mail_confirmed: true },
        display: 'Ada Lovelace',
      },
    });
  });
});

describe('a stand-in with a fault', () => {
  const ask = async (fault: Parameters<Upstream['nextAnswer']>[1], patience = 20_000) => {
    const upstream = await start('oauth2');
    upstream.nextAnswer('userinfo', fault);
    const answer = await fetch(upstream.endpoints.userinfo ?? '', {
      redirect: 'manual',
      signal: AbortSignal.timeout(patience),
    });
    return { upstream, answer };
  };

  it('answers 500, half an object, a page, nothing, or twenty megabytes', async () => {
    expect((await ask('error-500')).answer.status).toBe(500);
    await expect((await ask('truncated-json')).answer.json()).rejects.toThrow('Unterminated string');
    expect((await ask('wrong-type')).answer.headers.get('content-type')).toBe('text/html');
    expect(await (await ask('empty')).answer.text()).toBe('');
    const { answer } = await ask('huge');
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(20 * 1024 * 1024);
  });

  it('never answers, never ends, hangs up, or is not there', async () => {
    await expect(ask('hangs', 500)).rejects.toThrow('aborted due to timeout');
    const trickling = await ask('trickles', 700);
    await expect(trickling.answer.text()).rejects.toThrow('aborted due to timeout');
    await expect(ask('hangs-up')).rejects.toThrow('fetch failed');
    const upstream = await start('oauth2');
    await upstream.goAway();
    await expect(fetch(upstream.url)).rejects.toThrow('fetch failed');
    await upstream.comeBack();
    expect((await fetch(upstream.url)).status).toBe(404);
  });

  it('leads inside, and notes who follows', async () => {
    const { upstream, answer } = await ask('redirect-inside');
    expect(answer.headers.get('location')).toBe(upstream.url + insidePath);
    expect(upstream.wasAskedInside()).toBe(false);
    await fetch(answer.headers.get('location') ?? '');
    expect(upstream.wasAskedInside()).toBe(true);
    // One answer only, unless more were asked for.
    expect((await fetch(upstream.endpoints.userinfo ?? '')).status).toBe(401);
  });

  it('keeps what it was asked', async () => {
    const upstream = await start('oauth2');
    upstream.nextAnswer('token', { status: 418, body: { error: 'teapot' } });
    await fetch(upstream.endpoints.token ?? '', { method: 'POST', body: new URLSearchParams({ a: '1' }) });
    expect(upstream.requests).toMatchObject([{ endpoint: 'token', method: 'POST', body: 'a=1' }]);
    expect(upstream.requests[0]?.form.get('a')).toBe('1');
  });
});
