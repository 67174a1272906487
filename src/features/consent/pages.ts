import type Router from '@koa/router';
import type { Context } from 'koa';
import { doorState, seeOther, showPage } from '../../foundation/http/door.ts';
import { formActionSource } from '../../foundation/http/security-headers.ts';
import type { Views } from '../../foundation/views/render.ts';
import { currentUnit, type Interaction, type Interactions, type MissingConsent } from '../protocol/module.ts';
import type { Users } from '../users/module.ts';
import { type DescribeParts, describeScopes } from './describe-scopes.ts';

export interface ConsentPagesParts extends DescribeParts {
  readonly views: Views;
  readonly users: Users;
  readonly interactions: Interactions;
}

/** Shows the question; the dispatcher has found that it is next. */
export function showConsent(parts: ConsentPagesParts) {
  const { views, users } = parts;
  return async (ctx: Context, interaction: Interaction): Promise<void> => {
    const user = interaction.accountId === undefined ? undefined : await users.find(interaction.accountId);
    const at = `/interaction/${interaction.uid}`;
    showPage(ctx, {
      views,
      page: 'interaction/consent',
      locals: {
        app: interaction.app ?? { name: interaction.clientId },
        account: user?.email ?? '',
        scopes: user ? describeScopes(interaction, user, parts) : [],
        allowAction: `${at}/consent`,
        denyAction: `${at}/deny`,
        switchAction: `${at}/switch`,
      },
    });
  };
}

/** Which kinds of details were allowed. What they say is in the tokens: amounts and names do not belong into the audit. */
const kinds = ({ details }: MissingConsent) =>
  details.length === 0 ? {} : { authorization_details: [...new Set(details.map(({ type }) => type))] };

/** Mounts the answer "Allow". "Deny" is the same as going back to the app, which sign-in mounts. */
export function mountConsent(router: Router, { interactions }: ConsentPagesParts): void {
  router.post('/interaction/:uid/consent', async (ctx) => {
    const { accountId, clientId, missing, redirectUri } = await interactions.current(ctx);
    const source = redirectUri && formActionSource(redirectUri);
    if (source) doorState(ctx).formActions.push(source);
    const address = await interactions.allow(ctx);
    currentUnit()?.events.push({
      type: 'consent.granted',
      outcome: 'success',
      actor: { kind: 'user', id: accountId },
      subject: accountId,
      client: clientId,
      details: { scopes: missing.scopes, claims: missing.claims, resources: missing.resources, ...kinds(missing) },
    });
    seeOther(ctx, address);
  });
}
