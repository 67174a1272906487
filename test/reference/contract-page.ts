import { eventTypes } from '../../src/features/audit/module.ts';
import { configKeys, configSettings } from '../../src/foundation/config/schema.ts';
import { commands, usage } from './command-page.ts';
import { managementMeanings } from './http-page.ts';
import { code, codes, generatedFrom, page, table } from './markdown.ts';
import { pageHooks } from './page-hooks.ts';
import { seedFields, settingRules } from './schema-pages.ts';

const jsonShapes = table([
  ['Command', 'Prints with `--json`'],
  [codes(['client create', 'client rotate-secret']), code('{client_id, client_secret}')],
  [code('keys list'), code('[{kid, alg, state: next | current | retired}]')],
  [code('user show'), code('{id, email, email_verified, disabled, …}')],
  ['commands that print a link', code('{url, expires_at}')],
  [code('audit'), 'one event an object, one object a line'],
  ['otherwise', 'the resource'],
]);

/** Ids that scripts may rely on; a page may have more. A test sees that each is there. */
export const promisedIds: readonly string[] =
  'login-page login-submit deny consent-allow device-submit device-confirm logout-yes logged-out op-error error-code error-reference forgot-link forgot-submit reset-submit register-link register-submit link-confirm setup-submit sign-in-link sign-out app-submit app-client-id app-client-secret code-submit use-another-way totp-secret recovery-codes session-end sessions-end-all factor-remove password-change'.split(
    ' ',
  );

/** Below these, paths belong to the pages. */
const promisedPaths = ['/', '/setup', '/account', '/.well-known/change-password', '/interaction/:uid/…'];

const section = (name: 'users' | 'resources' | 'clients' | 'mfa_policies'): string[] => [
  code(name),
  codes(Object.keys(seedFields(name))),
];

/** `docs/reference/contract.md`. */
export function contractPage(): string {
  const configuration = configKeys.map((key) => [code(key), code(configSettings[key].variable)]);
  const hooks = [...pageHooks().values()];
  const fields = new Set(hooks.flatMap((one) => [...one.fields]));
  return page(
    generatedFrom('the schemas'),
    '# Contract',
    `Names on this page are public. Scripts may rely on them: more may come, none is renamed or removed without a major version.
A key, setting, command or seed section that is not here is refused as unknown, never accepted without effect.`,
    `## Commands\n\n\`npm start\`, \`npm run demo\`, \`npm test\`, \`npm run test:unit\`, \`npm run test:long\`, \`npm run bench\`, \`npm run docs\`, and
\`npx postern …\`, which sets itself up when needed ([details](commands.md)):`,
    commands()
      .map((one) => `- \`${usage(one)}\``)
      .join('\n'),
    jsonShapes,
    'Exit codes: 0 done or nothing to do, 1 failed, 2 wrong usage. Results on standard output, messages on standard error.',
    '## Configuration\n\n[Details](configuration.md). Secrets also have a variable that ends in `_FILE`. `POSTERN_CONFIG` names the file.',
    table([['Key', 'Variable'], ...configuration]),
    `## Settings\n\n[Details](settings.md).\n\n${codes(settingRules().map(([name]) => name))}`,
    '## Seed file\n\n[Details](seed-file.md).',
    table([
      ['Section', 'Fields'],
      [code('settings'), 'nested as above'],
      section('users'),
      section('resources'),
      section('clients'),
      section('mfa_policies'),
    ]),
    `## HTTP\n\n[Details](http.md). Public port: \`/.well-known/openid-configuration\`, \`/.well-known/oauth-authorization-server\`, everything
that these name, and ${codes(promisedPaths)}. Management port: ${codes(Object.keys(managementMeanings))}.
Every answer carries \`X-Request-Id\`.`,
    `## Pages\n\n[Details](pages.md). Fields: ${codes([...fields])}. Ids: ${codes(promisedIds)}.`,
    `## Audit events\n\n[Details](audit-events.md). ${codes(Object.keys(eventTypes))}.`,
  );
}
