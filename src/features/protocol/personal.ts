import { exportedTime, type PersonalData } from '../users/module.ts';
import type { ConnectedApps } from './connected-apps.ts';
import type { SignInSessions } from './sign-in-session.ts';
import { erasures } from './store.ts';

/** What sign-ins and apps hold on people. */
export function createPersonalData({
  sessions,
  apps,
}: {
  sessions: Pick<SignInSessions, 'list'>;
  apps: Pick<ConnectedApps, 'list'>;
}): PersonalData {
  return {
    erase: ({ id }) => erasures.map((erasure) => ({ statement: erasure, params: [id], mustHit: false })),
    async held({ id }) {
      const [signIns, connected] = await Promise.all([sessions.list(id), apps.list(id)]);
      return {
        sign_ins: signIns.map(({ startedAt, lastSeenAt, userAgent, hints, address, place }) => ({
          started_at: exportedTime(startedAt),
          last_seen_at: exportedTime(lastSeenAt),
          user_agent: userAgent,
          client_hints: hints,
          address,
          place: place && { country: place.country, region: place.region, city: place.city, position: place.position },
        })),
        apps: connected.map(({ clientId, allowed, firstAt, lastAt }) => ({
          client_id: clientId,
          allowed,
          first_let_in_at: exportedTime(firstAt),
          last_let_in_at: exportedTime(lastAt),
        })),
      };
    },
  };
}
