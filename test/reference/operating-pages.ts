import { eventTypes } from '../../src/features/audit/module.ts';
import { logReference } from '../../src/foundation/observe/log.ts';
import { createMetrics } from '../../src/foundation/observe/metrics.ts';
import { code, generatedFrom, page, table } from './markdown.ts';

/** `docs/reference/audit-events.md`. */
export function auditPage(): string {
  const rows = Object.entries(eventTypes).map(([type, meaning]) => [code(type), meaning]);
  return page(
    generatedFrom('src/features/audit/event.ts'),
    '# Audit events',
    `Every change and every refusal is an event, stored in the same transaction as the change. If the event cannot be written, the change
does not happen. \`postern audit\` tells them in words, \`postern audit --json\` prints one object a line:

\`\`\`json
{ "id": "019…", "time": "2026-03-01T12:00:00.000Z", "type": "signin.failed", "outcome": "failure", "reason": "wrong_password",
  "actor": { "kind": "anonymous" }, "subject": "019…", "client": "shop", "ip": "203.0.113.7", "user_agent": "…",
  "request_id": "019…", "details": {} }
\`\`\`

- \`outcome\` is \`success\`, \`failure\` or \`denied\`. \`actor.kind\` is \`user\`, \`client\`, \`api-key\`, \`system\` or \`anonymous\`.
- People are referred to by id only. A login that belongs to nobody appears as an HMAC in \`details.login\`: equal logins are equal there.
- \`request_id\` is the \`X-Request-Id\` of the answer and the reference on error pages.
- Refusals before anybody has authenticated are coalesced: equal ones (address, client, reason) within a minute are one event with
  \`details.count\`. Count by sum; absent means 1. Nothing else is ever thinned.
- A refused request never holds a secret, code, token or password.`,
    table([['Type', 'When'], ...rows]),
    `## Reasons of \`signin.failed\`

${table([
  ['Reason', 'What it means'],
  [code('wrong_password'), 'The account exists; the password was another one.'],
  [code('unknown_login'), 'No account has this e-mail address or username.'],
  [code('account_disabled'), 'The password was right, the account is disabled.'],
  [code('throttled'), 'Too many failures; the password was not looked at.'],
])}

The person is told the same for the first three. Reasons of \`token.refused\` and \`request.refused\` are the protocol's error codes, see
[errors](../errors.md).`,
  );
}

/** `docs/reference/log.md`. */
export function logPage(): string {
  return page(
    generatedFrom('src/foundation/observe/log.ts'),
    '# Log lines',
    `One JSON object a line, on standard output or in \`log.file\`. A file is rotated at 50 MB and each day; 14 former ones stay.
A log that cannot be written, such as on a full disk, never stops a request: lines are dropped, and standard error says so at most once
a minute.

\`\`\`json
{"level":"info","time":"2026-03-01T12:00:00.000Z","request_id":"019…","method":"POST","route":"token","status":200,"duration_ms":3.1,"client":"shop","ip":"203.0.113.7","msg":"request"}
\`\`\``,
    logReference(),
    `Each answered request is one line with \`msg\` \`request\`: level \`info\`, from status 500 on \`warn\`. What failed inside is a line of its
own with the same \`request_id\` and \`err\`.

No secret is logged at any level: values under secret names, and texts that look like tokens, hashes or credentials in URLs, are replaced
by \`[redacted]\`. The one-time set-up link is printed to standard output by itself and is never a log line.`,
  );
}

/** What Prometheus is told of one metric. */
interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
}

/** Every metric there is, from the text that the management port answers. */
async function metrics(): Promise<Metric[]> {
  const registry = createMetrics();
  registry.observeKeyAges(() => ({ current: 0 }));
  registry.observeSessions(() => 0);
  registry.observeDatabase(() => ({ statements: 0, units: 0, commits: 0 }));
  const text = await registry.text();
  return [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)/gm)].map(([, name = '', help = '', type = '']) => ({
    name,
    help,
    type,
  }));
}

/** Those of Node.js itself. */
const isOfNode = ({ name }: Metric): boolean => /^(process|nodejs)_/.test(name);

/** `docs/reference/metrics.md`. */
export async function metricsPage(): Promise<string> {
  const all = await metrics();
  const rows = all.filter((metric) => !isOfNode(metric)).map(({ name, type, help }) => [code(name), type, help]);
  return page(
    generatedFrom('src/foundation/observe/metrics.ts'),
    '# Metrics',
    `\`GET /metrics\` on the management port, in the text format of Prometheus. No label names a person or a client.

\`\`\`yaml
scrape_configs:
  - job_name: postern
    static_configs: [{ targets: ['127.0.0.1:9000'] }]
\`\`\``,
    table([['Metric', 'Type', 'What it is'], ...rows]),
    `Durations are in seconds; \`route\` is the pattern that answered, never the address.

Of the process itself there are the usual \`process_…\` and \`nodejs_…\` of prom-client.`,
  );
}
