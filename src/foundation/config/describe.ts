import { Document, isScalar, type Pair, type YAMLMap } from 'yaml';
import { type Config, type ConfigKey, configKeys, configSettings } from './schema.ts';

/** The value of each key as it is at work, secrets replaced: what may be shown to anybody who runs the server. */
export function redactedValues(config: Config): Record<ConfigKey, string | number | readonly string[] | null> {
  return {
    issuer: config.issuer,
    host: config.host,
    port: config.port,
    managementHost: config.managementHost,
    managementPort: config.managementPort,
    dataDir: config.dataDir,
    databaseUrl: redactUrl(config.databaseUrl),
    encryptionKey: config.encryptionKey === undefined ? null : config.encryptionKey.map(() => '[redacted]'),
    trustProxy: config.trustProxy,
    'tls.cert': config.tls?.cert ?? null,
    'tls.key': config.tls?.key ?? null,
    ...mtlsValues(config),
    'outbound.ca': config.outbound.ca ?? null,
    'outbound.allow': config.outbound.allow,
    'mail.url': config.mail === undefined ? null : redactUrl(config.mail.url),
    'mail.from': config.mail === undefined ? null : senderText(config.mail.from),
    'geoip.file': config.geoip.file ?? null,
    'log.level': config.log.level,
    'log.file': config.log.file ?? null,
  };
}

function mtlsValues({ mtls }: Config) {
  const { number = null, cert = null, key = null } = mtls?.port ?? {};
  return {
    'mtls.port': number,
    'mtls.cert': cert,
    'mtls.key': key,
    'mtls.ca': mtls?.ca ?? null,
    'mtls.url': mtls?.url ?? null,
    'mtls.header': mtls?.header ?? null,
  };
}

const senderText = ({ name, address }: { name: string; address: string }): string =>
  name === '' ? address : `${name} <${address}>`;

/** A database or mail server's URL without what a stranger must not see: the user, the password and every parameter (`?password=` is one). */
function redactUrl(text: string): string {
  if (text.startsWith('file:')) return text;
  const url = new URL(text);
  return `${url.protocol}//[redacted]@${url.host}${url.pathname}`;
}

/** The configuration as YAML that shows, behind each value, where it came from. Secrets are replaced. */
export function describeConfig(config: Config): string {
  const document = new Document({});
  for (const [key, value] of Object.entries(redactedValues(config)) as [ConfigKey, unknown][]) {
    document.setIn(key.split('.'), document.createNode(value, { flow: true } as object));
  }
  annotate(document.contents as unknown as YAMLMap, '', config);
  return document.toString({ lineWidth: 0 });
}

function annotate(map: YAMLMap, prefix: string, config: Config): void {
  for (const pair of map.items as Pair[]) {
    const key = `${prefix}${isScalar(pair.key) ? String(pair.key.value) : String(pair.key)}`;
    const node = pair.value as YAMLMap;
    if (key in config.sources) node.comment = ` ${config.sources[key as ConfigKey]}`;
    else annotate(node, `${key}.`, config);
  }
}

/** The reference of all keys as a Markdown table, generated from the schema so that it cannot lag behind. */
export function configReference(): string {
  const rows = configKeys.map((key) => {
    const { variable, description, fallback, secret } = configSettings[key];
    const variables = secret ? `\`${variable}\`, \`${variable}_FILE\`` : `\`${variable}\``;
    return `| \`${key}\` | ${variables} | ${fallback} | ${description} |`;
  });
  return ['| Key | Variable | Default | What it is |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}
