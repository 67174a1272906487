import type { RecordedEvent } from './event.ts';

/** An event as the person may see it whom it is about. */
export interface OwnEvent {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly type: string;
  readonly outcome: string;
  readonly reason?: string | undefined;
  /** Who did it: they themselves, somebody who was not signed in, an app, another person, or the server. */
  readonly by: 'you' | 'somebody' | 'app' | 'another-person' | 'server';
  readonly client?: string | undefined;
  readonly ip?: string | undefined;
  readonly user_agent?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

const actors: Readonly<Record<string, OwnEvent['by']>> = {
  anonymous: 'somebody',
  client: 'app',
  'api-key': 'server',
  system: 'server',
};

/**
 * What an event about a person says to them. Where another person did it, an administrator for instance, it says neither
 * who, nor from where, nor how: that is the other one's data.
 */
export function ownEvent(event: RecordedEvent, userId: string): OwnEvent {
  const { id, time, type, outcome, reason, actor, client, ip, user_agent: userAgent, details } = event;
  const told = { id, time, type, outcome, ...(reason === undefined ? {} : { reason }) };
  if (actor.kind === 'user' && actor.id !== userId) return { ...told, by: 'another-person' };
  return {
    ...told,
    by: actor.kind === 'user' ? 'you' : (actors[actor.kind] ?? 'server'),
    ...(client === undefined ? {} : { client }),
    ...(ip === undefined ? {} : { ip }),
    ...(userAgent === undefined ? {} : { user_agent: userAgent }),
    details,
  };
}
