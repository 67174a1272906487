import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { doorState } from '../../foundation/http/door.ts';
import { formActionSource } from '../../foundation/http/security-headers.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Clients } from '../clients/module.ts';
import type { Users } from '../users/module.ts';
import { appOnPage, backToApp } from './app-on-page.ts';
import { routes } from './routes.ts';
import { inAskedLanguage, speakAsAsked } from './ui-locales.ts';

type Logout = NonNullable<NonNullable<Configuration['features']>['rpInitiatedLogout']>;

export interface LogoutPagesOptions {
  readonly issuer: string;
  readonly clients: Clients;
  readonly users: Users;
  readonly views: Views;
}

/** The pages of RP-initiated logout. The library's own put their buttons outside the form. */
export function logoutPages({ issuer, clients, users, views }: LogoutPagesOptions): Logout {
  return {
    enabled: true,
    async logoutSource(ctx) {
      const { session, client } = ctx.oidc;
      speakAsAsked(ctx, ctx.oidc.params);
      leadsTo(ctx, ctx.oidc.params?.['post_logout_redirect_uri']);
      const user = session?.accountId ? await users.find(session.accountId) : undefined;
      show(ctx, views, 'logout/confirm', {
        action: inAskedLanguage(ctx, `${routes.end_session}/confirm`),
        hidden: { xsrf: String(session?.state?.['secret']) },
        account: user?.email,
        app: appOnPage(clients, client?.clientId),
      });
    },
    postLogoutSuccessSource(ctx) {
      show(ctx, views, 'logout/done', { backTo: backToApp(clients, ctx.oidc.client?.clientId, issuer) });
    },
  };
}

/** Chromium applies `form-action` to the redirect after the POST: the address, validated by now, has to be among them. */
function leadsTo(ctx: { readonly state: Record<string, unknown> }, redirectUri: unknown): void {
  const source = typeof redirectUri === 'string' ? formActionSource(redirectUri) : undefined;
  if (source) doorState(ctx).formActions.push(source);
}

function show<Name extends 'logout/confirm' | 'logout/done'>(
  ctx: KoaContextWithOIDC,
  views: Views,
  page: Name,
  locals: Parameters<typeof views.render<Name>>[1],
): void {
  ctx.type = 'html';
  ctx.body = views.render(page, locals, { language: String(ctx.state['language']) });
}
