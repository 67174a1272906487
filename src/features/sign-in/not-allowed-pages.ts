import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { doorState, showPage } from '../../foundation/http/door.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Interaction } from '../protocol/module.ts';
import type { Users } from '../users/module.ts';

export interface NotAllowedParts {
  readonly clock: Clock;
  readonly views: Views;
  readonly users: Pick<Users, 'find'>;
}

/** Tells somebody who has signed in that the app is for others, with the ways on: another account, or back to the app. */
export function showNotAllowed({ clock, views, users }: NotAllowedParts) {
  return async (ctx: Context, interaction: Interaction): Promise<void> => {
    const user = interaction.accountId === undefined ? undefined : await users.find(interaction.accountId);
    const at = `/interaction/${interaction.uid}`;
    showPage(ctx, {
      views,
      page: 'interaction/not-allowed',
      status: 403,
      locals: {
        code: 'access_denied',
        reference: doorState(ctx).requestId,
        time: clock.now(),
        app: interaction.app ?? { name: interaction.clientId },
        account: user?.email ?? '',
        denyAction: `${at}/deny`,
        switchAction: `${at}/switch`,
      },
    });
  };
}
