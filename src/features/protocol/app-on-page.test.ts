import { describe, expect, it } from 'vitest';
import type { ClientMetadata, Clients } from '../clients/module.ts';
import { appOnPage, backToApp } from './app-on-page.ts';
import { houseClientId } from './routes.ts';

const clientsWith = (metadata: Partial<ClientMetadata>): Clients =>
  ({ find: (id: string) => (id === 'shop' ? { metadata } : undefined) }) as unknown as Clients;
const show = (metadata: Partial<ClientMetadata>) => appOnPage(clientsWith(metadata), 'shop');
const back = (metadata: Partial<ClientMetadata>) =>
  backToApp(clientsWith(metadata), 'shop', 'https://id.example')?.href;

describe('the app on a page', () => {
  it('is shown with its name, host and links', () => {
    const links = { policy_uri: 'https://shop.example/privacy', tos_uri: 'https://shop.example/terms' };
    expect(show({ client_name: 'Shop', client_uri: 'https://shop.example/home', ...links })).toEqual({
      name: 'Shop',
      host: 'shop.example',
      policyHref: links.policy_uri,
      termsHref: links.tos_uri,
    });
  });

  it.each([
    [{ redirect_uris: ['https://app.example/callback'] }, 'app.example'],
    [{ redirect_uris: ['com.example.app:/callback'] }, 'shop'],
    [{ redirect_uris: ['no address'] }, 'shop'],
    [{}, 'shop'],
  ])('goes by its host, or by its id, when it has no name: %j', (metadata, name) => {
    expect(show(metadata)?.name).toBe(name);
  });

  it.each([undefined, 'unknown', houseClientId, 7])('is none for %j', (clientId) => {
    expect(appOnPage(clientsWith({}), clientId)).toBeUndefined();
  });
});

describe('the way back to the app', () => {
  const redirects = { redirect_uris: ['https://app.example/deep/callback?x=1'] };

  it('is the address that starts a sign-in, or its home, or where it lives, never a redirect URI', () => {
    const start = { initiate_login_uri: 'https://app.example/start' };
    expect(back({ ...redirects, client_uri: 'https://app.example/home', ...start })).toBe('https://app.example/start');
    expect(back({ ...redirects, client_uri: 'https://app.example/home' })).toBe('https://app.example/home');
    expect(back(redirects)).toBe('https://app.example/');
  });

  it.each([{ redirect_uris: ['com.example.app:/callback'] }, { redirect_uris: ['no address'] }, {}])(
    'is none where there is nothing to open: %j',
    (metadata) => expect(back(metadata)).toBeUndefined(),
  );

  it('of our own pages leads home, and of nobody nowhere', () => {
    expect(backToApp(clientsWith({}), houseClientId, 'https://id.example')).toEqual({ name: 'id.example', href: '/' });
    for (const id of ['unknown', undefined])
      expect(backToApp(clientsWith({}), id, 'https://id.example')).toBeUndefined();
  });
});
