import type { Audit } from '../../features/audit/module.ts';
import type { Users } from '../../features/users/module.ts';
import type { Clock } from '../../foundation/clock.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { sinceOf, sinceProblem } from './since.ts';

/** What `postern audit` needs. */
export interface AuditCommandApp {
  readonly audit: Audit;
  readonly users: Users;
  readonly clock: Clock;
}

/** The filters of `postern audit`, as typed. */
export interface AuditCommandArgs {
  /** E-mail address, username or id. */
  readonly user?: string | undefined;
  readonly client?: string | undefined;
  readonly request?: string | undefined;
  readonly type?: string | undefined;
  /** A duration (`90s`, `30m`, `1h`, `7d`) or a date in ISO 8601. */
  readonly since?: string | undefined;
  readonly limit: number;
}

/** `postern audit`: the story in words, or one JSON object a line. */
export async function auditSearch(io: CommandIo, app: AuditCommandApp, args: AuditCommandArgs): Promise<ExitCode> {
  const since = args.since === undefined ? undefined : sinceOf(args.since, app.clock.now());
  if (Number.isNaN(since)) {
    io.err(sinceProblem(String(args.since)));
    return 2;
  }
  const { client, request, type, limit } = args;
  const user = args.user === undefined ? undefined : ((await app.users.findByLogin(args.user))?.id ?? args.user);
  const events = await app.audit.search({ user, client, request, type, since, limit });
  for (const event of events) io.out(`${io.json ? JSON.stringify(event) : app.audit.tell(event)}\n`);
  if (events.length === 0) io.err('No event matches.\n');
  if (events.length === limit) io.err(`Only the newest ${limit} events are shown; --limit shows more.\n`);
  return 0;
}
