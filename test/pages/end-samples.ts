import type { Sample } from './sample.ts';
import { account, app, backTo, longApp, reference, sample } from './sample.ts';

/** Where a sign-in ends without an answer. */
export const ends: readonly Sample[] = [
  sample('start-again-expired', 'interaction/start-again', 'interaction', {
    reason: 'expired',
    backTo,
    ...reference('interaction_expired'),
  }),
  sample('start-again-unknown', 'interaction/start-again', 'interaction', {
    reason: 'expired',
    ...reference('interaction_expired'),
  }),
  sample('start-again-finished', 'interaction/start-again', 'interaction', {
    reason: 'finished',
    backTo,
    ...reference('interaction_finished'),
  }),
  sample('not-allowed', 'interaction/not-allowed', 'interaction', {
    app,
    account,
    denyAction: '/interaction/x/deny',
    switchAction: '/interaction/x/switch',
    ...reference('access_denied'),
  }),
  sample('not-allowed-long', 'interaction/not-allowed', 'interaction', {
    app: longApp,
    account: `${'a'.repeat(60)}@example.org`,
    denyAction: '/interaction/x/deny',
    switchAction: '/interaction/x/switch',
    ...reference('access_denied'),
  }),
  sample('cookies-off', 'interaction/cookies-off', 'interaction', { backTo, ...reference('cookie_missing') }),
];
