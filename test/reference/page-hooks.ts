import { renderSample, sampleViews } from '../pages/kit.ts';
import { samples } from '../pages/samples.ts';
import { codes, generatedFrom, page, table } from './markdown.ts';

/** What an automated browser finds on one page, over all states of it. */
export interface Hooks {
  /** Names of what a person fills in. */
  readonly fields: ReadonlySet<string>;
  readonly ids: ReadonlySet<string>;
}

const attribute = (tag: string, name: string): string | undefined => new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];

/** Ids of headings, hints and labels are for the page itself. */
const isHook = (tag: string): boolean => /^<(main|button|a|form|dd|code|section|div|ul)\b/.test(tag);

/** The hooks of every page, read from the page as it is rendered. */
export function pageHooks(): Map<string, Hooks> {
  const views = sampleViews();
  const found = new Map<string, { fields: Set<string>; ids: Set<string> }>();
  for (const sample of samples) {
    const hooks = found.get(sample.page) ?? { fields: new Set<string>(), ids: new Set<string>() };
    found.set(sample.page, hooks);
    for (const [tag] of renderSample(views, sample).matchAll(/<[a-z]+\b[^>]*>/g)) {
      const name = attribute(tag, 'name');
      const id = attribute(tag, 'id');
      if (name !== undefined && /^<input\b/.test(tag) && attribute(tag, 'type') !== 'hidden') hooks.fields.add(name);
      if (id !== undefined && isHook(tag)) hooks.ids.add(id);
    }
  }
  return found;
}

const where: Readonly<Record<string, string>> = {
  'interaction/sign-in': 'sign-in',
  'interaction/consent': 'consent',
  'interaction/leaving': 'on the way to another provider',
  'interaction/posting': 'on the way back to the app, by a form',
  'interaction/email': 'sign-in by e-mail',
  'interaction/email-link': 'sign-in by e-mail: the link',
  'interaction/second-factor': 'code',
  'interaction/enrolment': 'enrolment of an authenticator app',
  'interaction/new-password': 'password is too old',
  'interaction/recovery-codes': 'recovery codes',
  'interaction/device-code-input': 'device: type the code',
  'interaction/device-confirm': 'device: confirm',
  'interaction/device-done': 'device: done',
  'interaction/start-again': 'start again',
  'interaction/cookies-off': 'cookies are off',
  'logout/confirm': 'sign out?',
  'logout/done': 'signed out',
  'errors/error': 'error',
  'recovery/forgot': 'forgotten password',
  'recovery/reset': 'reset',
  'recovery/link': 'reset link is over',
  'recovery/done': 'password is changed',
  'registration/register': 'registration, invitation',
  'registration/confirm': 'registration: confirm the address',
  'registration/link': 'registration link is over',
  'safeguards/confirm': 'link of a notice about one’s account',
  'safeguards/done': 'after the link of a notice',
  'safeguards/link': 'link of a notice is over',
  'registration/done': 'account is ready',
  'set-up/set-up': 'set-up',
  'set-up/link': 'set-up link is over',
  'account/account': '`/account`',
  'account/delete': 'account: delete it',
  'account/leaving': 'account: is to be deleted',
  'account/returned': 'account: stays',
  'account/activity': 'account: activity',
  'account/approvals': 'account: approvals',
  'account/profile': 'account: profile',
  'account/email': 'account: another address',
  'address/confirm': 'another address: confirm',
  'address/undo': 'another address: take it back',
  'address/done': 'another address: done',
  'address/link': 'another address: link is over',
  'account/authenticator': 'account: set up an authenticator app',
  'account/remove-factor': 'account: remove a factor',
  'account/recovery-codes': 'account: new recovery codes',
  'console/home': '`/`',
  'console/first-app-created': 'app connected',
};

/** `docs/reference/pages.md`. */
export function hooksPage(): string {
  const rows = [...pageHooks()].map(([name, { fields, ids }]) => [
    where[name] ?? name,
    codes([...fields]),
    codes([...ids]),
  ]);
  return page(
    generatedFrom('the rendered pages'),
    '# Pages: hooks for automated browsers',
    `Every action is a \`<button type="submit">\` with its id inside its \`<form>\`. Pages keep their true status: an error page is 4xx or 5xx.
Unknown form fields are ignored. A link that works once is shown by GET and used by POST only.`,
    table([['Page', 'Fields', 'Ids'], ...rows]),
    '`error-code` is the code in [errors](../errors.md); `error-reference` is the request id, for `postern audit --request`.',
  );
}
