import type { Sample } from './sample.ts';
import { account, app, logoHref, longApp, sample, time } from './sample.ts';

const ways = {
  allowAction: '/interaction/x/confirm',
  denyAction: '/interaction/x/abort',
  switchAction: '/interaction/x/switch',
};

/** The question what an app may do, in every state. */
export const consents: readonly Sample[] = [
  sample('consent', 'interaction/consent', 'interaction', {
    app,
    account,
    scopes: [
      { name: 'openid' },
      { name: 'profile', shows: ['Ada Lovelace'] },
      { name: 'email', shows: [account] },
      { name: 'offline_access' },
      { name: 'orders:read', description: 'See your orders and what they cost' },
    ],
    ...ways,
  }),
  sample('consent-details', 'interaction/consent', 'interaction', {
    app,
    account,
    scopes: [
      { name: 'payment', sentence: 'Pay \u206812.00\u2069 \u2068EUR\u2069 to \u2068Lighthouse Supplies\u2069' },
      { name: 'openid' },
    ],
    ...ways,
  }),
  sample('consent-long', 'interaction/consent', 'interaction', {
    app: longApp,
    account: `${'a'.repeat(60)}@example.org`,
    scopes: [{ name: 'openid' }, { name: 'urn:something:without:description' }],
    allowAction: '/interaction/x/confirm',
    denyAction: '/interaction/x/abort',
  }),
  sample('consent-everything', 'interaction/consent', 'interaction', {
    app: { name: app.name, logoHref, policyHref: app.policyHref },
    account,
    scopes: ['openid', 'profile', 'email', 'phone', 'address', 'offline_access', 'upstream_tokens'].map((name) => ({
      name,
    })),
    ...ways,
  }),
  sample('consent-plain', 'interaction/consent', 'interaction', {
    app: { name: 'Harbour TV' },
    account,
    scopes: [{ name: 'openid' }],
    ...ways,
  }),
];

const asked = { id: 'x', app, until: time + 300_000 };
const payment = {
  name: 'payment',
  sentence: 'Pay \u206812.00\u2069 \u2068EUR\u2069 to \u2068Lighthouse Supplies\u2069',
};

/** What apps ask people for who are elsewhere. */
export const approvals: readonly Sample[] = [
  sample('approvals', 'account/approvals', 'page', {
    account,
    waiting: [
      { ...asked, message: 'W4SCT', scopes: [payment, { name: 'openid' }, { name: 'email', shows: [account] }] },
      { ...asked, id: 'y', app: longApp, scopes: [{ name: 'orders:read', description: 'See your orders' }] },
      { ...asked, id: 'z', scopes: [{ name: 'urn:something:without:description' }] },
      { ...asked, id: 'none', scopes: [] },
    ],
  }),
  sample('approvals-none', 'account/approvals', 'page', { account, waiting: [] }),
  ...(['allowed', 'denied', 'over'] as const).map((done) =>
    sample(`approvals-${done}`, 'account/approvals', 'page', { account, waiting: [], done }),
  ),
];
