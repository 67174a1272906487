import { generateKeyPairSync } from 'node:crypto';
import { byOperator } from '../../src/features/audit/module.ts';
import type { NewProvider } from '../../src/features/federation/module.ts';
import { Browser, type Page } from '../kit/browser.ts';
import type { Product } from '../kit/product.ts';
import { isBack, type RelyingApp } from '../kit/relying-app.ts';
import type { Person } from '../kit/upstreams/dialect.ts';
import { startUpstream, type Upstream, type UpstreamOptions } from '../kit/upstreams/upstream.ts';

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const appleKey = {
  teamId: 'TEAM123456',
  keyId: 'KEY1234567',
  publicPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
};
const applePem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const tenant = '6babcaad-604b-40ac-a9d7-9fd97c0b779f';

/** One kind of provider, and what is particular about registering it. */
export interface Kind {
  readonly name: Parameters<typeof startUpstream>[0];
  readonly options?: UpstreamOptions;
  /** What the seed says besides type, client and, where the stand-in has one, issuer. */
  readonly seed?: (upstream: Upstream) => Partial<NewProvider>;
  readonly person?: Partial<Person>;
  /** Standard claims of the account that is made. */
  readonly claims: Readonly<Record<string, string>>;
}

/** Every preset, at its stand-in. */
export const kinds: readonly Kind[] = [
  { name: 'google', claims: { name: 'Ada Lovelace' } },
  {
    name: 'microsoft',
    options: { tenant: 'common' },
    seed: ({ url }) => ({ issuer: url }),
    person: { tenant },
    claims: { name: 'Ada Lovelace' },
  },
  {
    name: 'apple',
    options: { appleKey },
    seed: () => ({ apple: { team_id: appleKey.teamId, key_id: appleKey.keyId }, client_secret: applePem }),
    claims: { given_name: 'Ada', family_name: 'Lovelace' },
  },
  {
    name: 'github',
    options: { variant: 'enterprise-server' },
    claims: { name: 'Ada Lovelace', preferred_username: 'ada' },
  },
  { name: 'gitlab', claims: { name: 'Ada Lovelace', preferred_username: 'ada' } },
  { name: 'discord', claims: { name: 'Ada Lovelace', preferred_username: 'ada' } },
  { name: 'spotify', seed: () => ({ policy: { create: true, trust_email: true } }), claims: { name: 'Ada Lovelace' } },
  { name: 'oidc', claims: { name: 'Ada Lovelace', preferred_username: 'ada' } },
  {
    name: 'oauth2',
    seed: ({ endpoints }) => ({
      issuer: undefined,
      endpoints: {
        authorization: endpoints.authorization ?? '',
        token: endpoints.token ?? '',
        userinfo: endpoints.userinfo ?? '',
      },
      mapping: {
        sub: 'data.account.number',
        name: 'data.display',
        email: 'data.contact.mail',
        email_verified: 'data.contact.mail_confirmed',
      },
    }),
    claims: { name: 'Ada Lovelace' },
  },
];

/** What the seed says of a kind whose stand-in runs, under a name of its own. */
export function seedOf({ name: type, seed }: Kind, upstream: Upstream, name: string = type): NewProvider {
  const { issuer, clientId, clientSecret } = upstream;
  const client = { client_id: clientId, client_secret: clientSecret };
  return { name, type, issuer, ...client, policy: { create: true }, ...seed?.(upstream) };
}

/** The kind of this name. */
export function kindOf(name: Kind['name']): Kind {
  const found = kinds.find((kind) => kind.name === name);
  if (!found) throw new Error(`no stand-in for ${name}`);
  return found;
}

/** Starts the stand-in of a kind and registers it. */
export async function registerKind(product: Product, kind: Kind, name: string = kind.name): Promise<Upstream> {
  const upstream = await startUpstream(kind.name, kind.options);
  await product.app.core.providers.upsert(seedOf(kind, upstream, name), byOperator);
  return upstream;
}

/** Somebody with an account at the stand-in of a kind. */
export const somebody = ({ person }: Kind, { sub, email }: Pick<Person, 'sub'> & { email: string }): Person => ({
  sub,
  name: 'Ada Lovelace',
  username: 'ada',
  email,
  emailVerified: true,
  ...person,
});

export interface Way {
  readonly browser?: Browser;
  readonly parameters?: Record<string, string>;
  /** Takes down how long each page was waited for, in milliseconds. */
  readonly waits?: number[];
}

/** Chooses the provider and comes back with what it answers, by redirect or by a form of its page. */
export async function signInWith(app: RelyingApp, upstream: Upstream, name: string, way: Way = {}): Promise<Page> {
  const { browser = new Browser(), parameters, waits = [] } = way;
  const waiting = async (page: Promise<Page>): Promise<Page> => {
    const began = performance.now();
    return page.finally(() => void waits.push(performance.now() - began));
  };
  const isAway = (url: string): boolean => url.startsWith(`${upstream.url}/`) || isBack(url);
  const start = await browser.open(app.request(parameters).url, isBack);
  const left = await waiting(browser.submit(start, `choose-${name}`, {}, isAway));
  if (!isAway(left.url)) return left;
  const page = await waiting(browser.open(left.url, isBack));
  return page.text.includes('id="form-post"') ? waiting(browser.submit(page, 'form-post', {}, isBack)) : page;
}
