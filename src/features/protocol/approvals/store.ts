import type { Database } from '../../../foundation/db/database.ts';
import { type Row, statement } from '../../../foundation/db/statement.ts';

/** A request that waits for its person. */
export interface WaitingRow extends Row {
  id: string;
  payload: string;
  expires_at: number;
}

interface CountRow extends Row {
  n: number;
}

const ofPerson = "account_id = ?1 AND kind = 'BackchannelAuthenticationRequest' AND expires_at > ?2";
const reads = {
  /** `lookup` stands as long as nobody has decided, as it does for device codes. */
  waiting: statement(
    'find-waiting-approvals',
    `SELECT id, payload, expires_at FROM artifacts WHERE ${ofPerson} AND lookup IS NOT NULL AND ended_at IS NULL ORDER BY expires_at`,
  ),
  recent: statement('count-recent-approvals', `SELECT COUNT(*) AS n FROM artifacts WHERE ${ofPerson}`),
};

export const approvalWrites = {
  /** Records the decision of the person whom it is for, in time: the first one stands. */
  decide: statement(
    'decide-approval',
    'UPDATE artifacts SET payload = ?2, grant_id = ?3, lookup = NULL WHERE id = ?1 AND account_id = ?4 AND expires_at > ?5 AND lookup IS NOT NULL AND ended_at IS NULL AND consumed_at IS NULL',
  ),
};

export interface ApprovalStore {
  /** What waits for a person, what ends first at the top. `now` in milliseconds. */
  waiting(accountId: string, now: number): Promise<WaitingRow[]>;
  /** How many were asked for that are alive or have expired after `since` (milliseconds), decided ones too. */
  countSince(accountId: string, since: number): Promise<number>;
}

export function createApprovalStore(database: Database): ApprovalStore {
  return {
    waiting: (accountId, now) => database.all<WaitingRow>(reads.waiting, [accountId, now]),
    async countSince(accountId, since) {
      const [row] = await database.all<CountRow>(reads.recent, [accountId, since]);
      return Number(row?.n ?? 0);
    },
  };
}
