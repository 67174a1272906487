import type { Operation } from '../../foundation/db/statement.ts';
import type { Devices } from '../devices/module.ts';
import type { NoticeContext, Notices } from '../notices/module.ts';
import { requireUnit, type SignInSessions } from '../protocol/module.ts';
import type { User, Users } from '../users/module.ts';
import { isRetiring } from './store.ts';

export interface ReplaceOwnParts {
  readonly users: Pick<Users, 'links'>;
  readonly devices: Pick<Devices, 'forgetAll'>;
  readonly notices: Notices;
  readonly sessions: Pick<SignInSessions, 'list' | 'endOne' | 'endUnderWay'>;
}

/** A password that its person replaces while signed in, or signing in. */
export interface Replacement {
  readonly user: User;
  /** The operations that make the new one theirs. */
  readonly setting: readonly Operation[];
  /** The sign-in that it is done in, which stays; undefined where there is none yet. */
  readonly here: string | undefined;
  /** The interaction that it is done in, which goes on. */
  readonly within?: string;
}

/** Joins to the unit of the request what a person's own change of password brings with it. */
export type ReplaceOwn = (replacement: Replacement, context: NoticeContext) => Promise<void>;

/**
 * Whoever else knew the former password must not stay in by it: their sign-ins end, also those under way, with the
 * tokens that hang on them; so do open links to a new password, and the browsers that may go without a second factor. The person is told.
 */
export function createReplaceOwn({ users, devices, notices, sessions }: ReplaceOwnParts): ReplaceOwn {
  return async ({ user, setting, here, within }, context) => {
    const { id } = user;
    const unit = requireUnit();
    // A unit sorts the rows that it writes: the former password has to be kept before the new one takes its place.
    unit.joinStep(setting.filter(isRetiring), 'consume');
    unit.joinStep(setting.filter((operation) => !isRetiring(operation)));
    unit.joinStep([users.links.voidOpen('reset', id), devices.forgetAll(id)]);
    unit.joinStep(notices.about({ kind: 'password-changed' }, user, context));
    sessions.endUnderWay(id, within);
    for (const signIn of await sessions.list(id)) {
      if (signIn.id === here || !(await sessions.endOne(id, signIn.id, 'password'))) continue;
      const actor = { kind: 'user', id } as const;
      unit.events.push({ type: 'session.ended', outcome: 'success', actor, subject: id, details: { by: 'password' } });
    }
  };
}
