import { z } from 'zod';
import { seedSchema } from '../../src/app/commands/seed-schema.ts';
import { settingsSchema } from '../../src/features/settings/schema.ts';
import { configReference } from '../../src/foundation/config/describe.ts';
import { configKeys, configSettings } from '../../src/foundation/config/schema.ts';
import { code, codes, generatedFrom, page, table } from './markdown.ts';
import {
  claimMeanings,
  clientMeanings,
  mfaPolicyMeanings,
  policyMeanings,
  providerMeanings,
  resourceMeanings,
  userMeanings,
} from './seed-meanings.ts';

/** What a JSON Schema says of one value, as far as the pages need it. */
export interface Rule {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Rule>>;
  readonly items?: Rule;
}

const ruleOf = (schema: z.ZodType): Rule => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Rule;

/** Every setting by its dotted name. */
export function settingRules(rule: Rule = ruleOf(settingsSchema), prefix = ''): [string, Rule][] {
  return Object.entries(rule.properties ?? {}).flatMap(([name, inner]) =>
    inner.properties ? settingRules(inner, `${prefix}${name}.`) : [[`${prefix}${name}`, inner] as [string, Rule]],
  );
}

/** The fields of one entry of a section of a seed file. */
export const seedFields = (
  section: 'users' | 'resources' | 'clients' | 'providers' | 'mfa_policies',
): Readonly<Record<string, Rule>> => ruleOf(seedSchema).properties?.[section]?.items?.properties ?? {};

/** The standard claims that an account may carry. */
export const claimFields = (): Readonly<Record<string, Rule>> => seedFields('users').claims?.properties ?? {};

/** What decides about who comes from a provider. */
export const policyFields = (): Readonly<Record<string, Rule>> => seedFields('providers').policy?.properties ?? {};

/** `docs/reference/configuration.md`. */
export function configurationPage(): string {
  const secrets = configKeys.filter((key) => configSettings[key].secret);
  return page(
    generatedFrom('src/foundation/config/schema.ts'),
    '# Configuration',
    `What a process needs to start. What may change while it runs is in [settings](settings.md).

A value is taken from the first place that gives it:

1. the command line of the server: \`--port 8081\`, \`--log.level=debug\` (\`npm start -- --port 8081\`)
2. the environment
3. \`postern.yaml\` in the working directory, or the file that \`POSTERN_CONFIG\` names
4. the default

In the file, dots are levels: \`log: { level: debug }\`. Lists are written with commas in variables, and as lists in the file.
An unknown key in the file stops the start; an unknown \`POSTERN_…\` variable is warned of. An empty variable counts as not given.
Every mistake is reported at once, with its line and what to write instead; \`postern config check\` does the same without starting,
and \`postern config print\` shows each value and where it came from.

Each secret also has a variable that ends in \`_FILE\` and names a file that holds it: ${codes(secrets.map((key) => `${configSettings[key].variable}_FILE`))}.
Give one of the two, not both.`,
    configReference(),
    `## Which values go together

- \`tls.cert\` and \`tls.key\` come as a pair and need an \`https\` issuer.
- \`port\` and \`managementPort\` must differ.
- A database outside the data folder needs \`encryptionKey\`: a key that lies beside its data protects nothing.
- The container image sets \`host\` and \`managementHost\` to \`0.0.0.0\` and \`dataDir\` to \`/data\`.`,
  );
}

/** `docs/reference/settings.md`. */
export function settingsPage(): string {
  const rows = settingRules().map(([name, rule]) => [
    code(name),
    code(Array.isArray(rule.default) ? JSON.stringify(rule.default) : String(rule.default)),
    rule.minimum === undefined ? kindOf(rule) : `${rule.minimum} to ${rule.maximum}`,
    rule.description ?? '',
  ]);
  return page(
    generatedFrom('src/features/settings/schema.ts'),
    '# Settings',
    `What may change while Postern runs. Settings are kept in the database and hold on every process within a second.

\`\`\`yaml
# settings.yaml
settings:
  lifetimes: { accessToken: 300 }
  refresh: { graceSeconds: 10 }
\`\`\`

\`postern apply -f settings.yaml\` changes what the file names and leaves the rest; \`--dry-run\` shows what would change.
\`postern settings print\` prints all of them in the same form. Each change is the audit event \`settings.changed\`.`,
    table([['Setting', 'Default', 'Bounds', 'What it is'], ...rows]),
    `\`lifetimes.refreshTokenIdle\` must not be longer than \`lifetimes.refreshTokenAbsolute\`, nor \`lifetimes.sessionIdle\` longer than
\`lifetimes.sessionAbsolute\`. A lifetime counts for what is issued from then on; what was issued before keeps its own.`,
  );
}

/** What may stand in a field, in words. */
export function kindOf(rule: Rule): string {
  if (rule.enum) return codes(rule.enum.map(String));
  if (rule.const !== undefined) return code(rule.const);
  if (rule.type === 'array') return `list of ${kindOf(rule.items ?? {})}`;
  if (rule.type === 'string') return rule.maxLength ? `text, at most ${rule.maxLength}` : 'text';
  if (rule.type === 'integer')
    return `number, ${rule.minimum} to ${rule.maximum === Number.MAX_SAFE_INTEGER ? '…' : rule.maximum}`;
  return { boolean: 'true or false', object: 'object' }[rule.type ?? ''] ?? 'text';
}

function fieldTable(fields: Readonly<Record<string, Rule>>, meanings: Readonly<Record<string, string>>): string {
  const rows = Object.entries(fields).map(([name, rule]) => {
    const standard = rule.default === undefined ? '' : code(JSON.stringify(rule.default));
    return [code(name), kindOf(rule), standard, meanings[name] ?? ''];
  });
  return table([['Field', 'Value', 'Default', 'What it is'], ...rows]);
}

/** `docs/reference/seed-file.md`. */
export function seedPage(): string {
  return page(
    generatedFrom('src/app/commands/seed-schema.ts'),
    '# Seed file',
    `\`postern apply -f FILE\` brings settings, people, APIs and apps to what a file says; YAML or JSON, \`-\` reads standard input.
It may be applied as often as you like: what is there already and equal is left alone. Unknown fields are refused, and every mistake is
reported at once with its line; nothing is changed unless the whole file is right.

- Passwords and client secrets are set when an entry is created, and later only with \`--reset-credentials\`.
- Nothing that was disabled, revoked or locked is opened again, whatever the file says.
- An entry is described whole: a field that the file leaves out goes back to its default. Roles are only added, and settings that
  the file does not name stay as they are. Entries that the file does not name are left alone.
- A client without \`client_secret\` that needs one gets one made; it is printed this once.`,
    `\`\`\`yaml
settings:
  lifetimes: { accessToken: 600 }
users:
  - email: ada@example.org
    email_verified: true
    password: correct horse battery staple
    claims: { name: Ada Lovelace, given_name: Ada, family_name: Lovelace }
resources:
  - identifier: https://orders.example
    access_token_format: jwt
    scopes: [{ name: "orders:read", description: See your orders }]
    introspection_clients: [orders-api]
clients:
  - client_id: shop
    client_name: The shop
    redirect_uris: [https://shop.example/callback]
    grant_types: [authorization_code, refresh_token]
    scope: openid email offline_access orders:read
  - client_id: orders-api
    grant_types: [client_credentials]
\`\`\``,
    '## `settings`\n\nNested as in [settings](settings.md).',
    '## `users`',
    fieldTable(seedFields('users'), userMeanings),
    '`claims` takes the standard claims of OpenID Connect, 8 KiB in all:',
    fieldTable(claimFields(), claimMeanings),
    '## `resources`\n\nAPIs that tokens are issued for.',
    fieldTable(seedFields('resources'), resourceMeanings),
    '## `clients`\n\nRelying apps and services. The names are those of RFC 7591 and OpenID Connect Registration, plus ours.',
    fieldTable(seedFields('clients'), clientMeanings),
    `What does not go together is refused: \`authorization_code\` without a redirect URI, \`client_credentials\` with \`none\`, \`refresh_token\`
alone, \`private_key_jwt\` without \`jwks\` or \`jwks_uri\`, \`require_pkce: false\` on a public client. Redirect URIs are \`https\`, \`http\` on this machine, or
a scheme that is a domain of the app's maker in reverse, with \`application_type: native\`; without fragment, user name or password. A native app
has no secret: \`none\`, or \`private_key_jwt\`.`,
    '## `providers`\n\nOther identity providers that people sign in with; see [the guide](../federation.md).',
    fieldTable(seedFields('providers'), providerMeanings),
    '`policy` says who is let in, and as whom:',
    fieldTable(policyFields(), policyMeanings),
    `## \`mfa_policies\`

How strictly the people of a role are held to a second factor, where that is stricter than the setting \`mfa.policy\`; the strictest
counts. \`postern mfa-policy list\` prints what is stored. What is said of an organisation is stored and takes effect once organisations
exist; \`postern apply\` says so.`,
    fieldTable(seedFields('mfa_policies'), mfaPolicyMeanings),
  );
}
