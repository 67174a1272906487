import type Router from '@koa/router';
import type { Context } from 'koa';
import { field, seeOther, showPage } from '../../foundation/http/door.ts';
import type { Views } from '../../foundation/views/render.ts';
import { currentUnit } from '../protocol/module.ts';
import { type ProfileForm, type ProfileProblems, profileFields, withProfile } from '../users/module.ts';
import { ownEvent } from './events.ts';
import type { Visitor } from './visitor.ts';
import { arrive, tell, type VisitorParts } from './visitor-pages.ts';

export interface ProfilePagesParts extends VisitorParts {
  readonly views: Views;
}

/** Mounts the page on which people say who they are. It keeps nobody out, so a fresh sign-in is not needed. */
export function mountProfile(router: Router, parts: ProfilePagesParts): void {
  router.get('/account/profile', async (ctx) => {
    const visitor = await arrive(ctx, parts);
    if (visitor)
      showProfile(
        ctx,
        parts,
        formOf((name) => visitor.user.claims[name] ?? ''),
        {},
      );
  });
  router.post('/account/profile', async (ctx) => {
    const visitor = await arrive(ctx, parts);
    if (visitor) save(ctx, parts, visitor);
  });
}

const formOf = (value: (name: (typeof profileFields)[number]) => string): ProfileForm =>
  Object.fromEntries(profileFields.map((name) => [name, value(name)])) as ProfileForm;

function save(ctx: Context, parts: ProfilePagesParts, { user }: Visitor): void {
  const form = formOf((name) => field(ctx, name));
  const wanted = withProfile(user.claims, form);
  if ('problems' in wanted) {
    showProfile(ctx, parts, form, wanted.problems);
    return;
  }
  const { claims, changed } = wanted;
  if (changed.length > 0) {
    currentUnit()?.joinStep([parts.users.changeClaims(user, claims)]);
    tell(ownEvent(user, 'user.updated', { changed: ['claims'] }));
  }
  seeOther(ctx, '/account?done=profile');
}

function showProfile(ctx: Context, { views }: ProfilePagesParts, form: ProfileForm, problems: ProfileProblems): void {
  const isWrong = Object.keys(problems).length > 0;
  showPage(ctx, { views, page: 'account/profile', status: isWrong ? 400 : 200, locals: { form, problems } });
}
