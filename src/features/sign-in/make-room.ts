import { currentUnit, type SignInSessions } from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';

export interface MakeRoomParts {
  readonly sessions: Pick<SignInSessions, 'list' | 'endOne'>;
  readonly settings: Pick<SettingsModule, 'current'>;
}

/**
 * Where an operator limits the sign-ins of a person (`sessions.maximum`), the oldest give way to the one that begins.
 * `here` is the one that this browser has already.
 */
export async function makeRoom(
  { sessions, settings }: MakeRoomParts,
  accountId: string,
  here: string | undefined,
): Promise<void> {
  const { maximum } = settings.current().sessions;
  if (maximum === 0) return;
  // This browser's own goes on, or is replaced: it takes no further place.
  const others = (await sessions.list(accountId)).filter(({ id }) => id !== here);
  const oldest = others.toSorted((one, other) => one.startedAt - other.startedAt);
  for (const { id } of oldest.slice(0, Math.max(0, others.length - maximum + 1))) {
    if (!(await sessions.endOne(accountId, id, 'limit'))) continue;
    const actor = { kind: 'system', name: 'sign-in' } as const;
    const details = { by: 'limit' };
    currentUnit()?.events.push({ type: 'session.ended', outcome: 'success', actor, subject: accountId, details });
  }
}
