import type { z } from 'zod';
import type { Engine } from '../db/statement.ts';
import {
  databaseUrl,
  encryptionKeys,
  fixedPort,
  headerName,
  host,
  httpsOrigin,
  issuer,
  type LogLevel,
  logLevel,
  type MailSender,
  mailFrom,
  mailUrl,
  networks,
  path,
  port,
} from './values.ts';

/** One configuration key: its rule, and everything that its documentation says. */
export interface ConfigSetting {
  /** The variable of the environment. A secret also has this name with `_FILE`, the path of a file that holds it. */
  readonly variable: string;
  readonly description: string;
  /** The default in words, for the reference. */
  readonly fallback: string;
  readonly secret: boolean;
  /** What to write instead, when the rule refuses a value. */
  readonly remedy: string;
  readonly schema: z.ZodType;
}

/** Every key whose capability is built. A key that is not here is refused as unknown, never accepted without effect. */
export const configSettings = {
  issuer: {
    variable: 'POSTERN_ISSUER',
    description:
      'The public URL of this server, as relying apps know it: no path, query or trailing slash; `http` only for loopback names. Every link, cookie and token is built from it, never from a request.',
    fallback: '`http://localhost:8080`',
    secret: false,
    remedy: 'Write the public URL, such as https://id.example.com.',
    schema: issuer,
  },
  host: {
    variable: 'POSTERN_HOST',
    description: 'The address that the public port listens on.',
    fallback: '`127.0.0.1` while the issuer is a loopback name, else `0.0.0.0`',
    secret: false,
    remedy: 'Write an IP address or host name of this machine, such as 0.0.0.0.',
    schema: host,
  },
  port: {
    variable: 'POSTERN_PORT',
    description: 'The public port. 0 takes a free one.',
    fallback: '`8080`',
    secret: false,
    remedy: 'Write a whole number from 0 to 65535.',
    schema: port,
  },
  managementHost: {
    variable: 'POSTERN_MANAGEMENT_HOST',
    description: 'The address that health checks and metrics listen on. Never open it to the internet.',
    fallback: '`127.0.0.1`',
    secret: false,
    remedy: 'Write an IP address or host name of this machine, such as 127.0.0.1.',
    schema: host,
  },
  managementPort: {
    variable: 'POSTERN_MANAGEMENT_PORT',
    description: 'The port of health checks and metrics. 0 takes a free one.',
    fallback: '`9000`',
    secret: false,
    remedy: 'Write a whole number from 0 to 65535.',
    schema: port,
  },
  dataDir: {
    variable: 'POSTERN_DATA_DIR',
    description:
      'The folder of the embedded database and the generated key; relative paths start at the working directory. One server at a time may use it.',
    fallback: '`./data`',
    secret: false,
    remedy: 'Write the path of a folder.',
    schema: path,
  },
  databaseUrl: {
    variable: 'POSTERN_DATABASE_URL',
    description: '`file:PATH` for the embedded database, `postgresql://…`, or `mysql://…` for MySQL and MariaDB.',
    fallback: '`file:<dataDir>/postern.db`',
    secret: true,
    remedy: 'Write file:PATH, postgresql://USER:PASSWORD@HOST/DATABASE or mysql://USER:PASSWORD@HOST/DATABASE.',
    schema: databaseUrl,
  },
  encryptionKey: {
    variable: 'POSTERN_ENCRYPTION_KEY',
    description:
      'Base64 of 32 bytes; several are separated by commas: the first encrypts, all decrypt. Whoever loses it cannot read the stored private keys again.',
    fallback: 'generated to `<dataDir>/encryption.key` for the embedded database in that folder; otherwise required',
    secret: true,
    remedy: 'Make one with: openssl rand -base64 32',
    schema: encryptionKeys,
  },
  trustProxy: {
    variable: 'POSTERN_TRUST_PROXY',
    description:
      'Networks (CIDR, comma-separated) whose `X-Forwarded-For` and `mtls.header` are believed. Scheme and host always come from the issuer.',
    fallback: 'none',
    secret: false,
    remedy: 'Write networks such as 10.0.0.0/8 or fd00::/8, separated by commas.',
    schema: networks,
  },
  'tls.cert': {
    variable: 'POSTERN_TLS__CERT',
    description:
      'PEM file of the certificate and its chain, when Postern itself serves https. Re-read when it changes.',
    fallback: 'none',
    secret: false,
    remedy: 'Write the path of a PEM file.',
    schema: path,
  },
  'tls.key': {
    variable: 'POSTERN_TLS__KEY',
    description: 'PEM file of the private key that belongs to `tls.cert`.',
    fallback: 'none',
    secret: false,
    remedy: 'Write the path of a PEM file.',
    schema: path,
  },
  'mtls.port': {
    variable: 'POSTERN_MTLS__PORT',
    description:
      'A port that asks its callers for a certificate (RFC 8705), for the endpoints that programs call; discovery names them as `mtls_endpoint_aliases`. No certificate is asked for on the public port.',
    fallback: 'none',
    secret: false,
    remedy: 'Write a whole number from 1 to 65535.',
    schema: fixedPort,
  },
  'mtls.cert': {
    variable: 'POSTERN_MTLS__CERT',
    description: 'PEM file of the certificate and its chain that `mtls.port` shows. Re-read when it changes.',
    fallback: '`tls.cert`',
    secret: false,
    remedy: 'Write the path of a PEM file.',
    schema: path,
  },
  'mtls.key': {
    variable: 'POSTERN_MTLS__KEY',
    description: 'PEM file of the private key that belongs to `mtls.cert`.',
    fallback: '`tls.key`',
    secret: false,
    remedy: 'Write the path of a PEM file.',
    schema: path,
  },
  'mtls.ca': {
    variable: 'POSTERN_MTLS__CA',
    description:
      'PEM file of the authorities whose certificates `tls_client_auth` takes: those that issue them, intermediate ones too, for no chain is followed. Re-read when it changes. Public authorities count no more than others: only those in the file do.',
    fallback: 'none: clients authenticate by registered certificates alone (`self_signed_tls_client_auth`)',
    secret: false,
    remedy: 'Write the path of a PEM file.',
    schema: path,
  },
  'mtls.url': {
    variable: 'POSTERN_MTLS__URL',
    description:
      'Where clients reach the port or proxy that asks for certificates, if that is another address: `https`, host and port only.',
    fallback: 'the host of `issuer` with `mtls.port`; behind `mtls.header` the issuer itself',
    secret: false,
    remedy: 'Write it such as https://mtls.id.example.com.',
    schema: httpsOrigin,
  },
  'mtls.header': {
    variable: 'POSTERN_MTLS__HEADER',
    description:
      'The header in which a proxy hands on the certificate of its caller, as URL-encoded PEM. Believed from `trustProxy` only, and dropped otherwise; the proxy must set it in every request, empty where there is no certificate.',
    fallback: 'none',
    secret: false,
    remedy: 'Write the name of a header, such as X-Client-Cert.',
    schema: headerName,
  },
  'outbound.ca': {
    variable: 'POSTERN_OUTBOUND__CA',
    description: 'PEM file of certificates to trust for outbound calls, besides the public roots.',
    fallback: 'none',
    secret: false,
    remedy: 'Write the path of a PEM file.',
    schema: path,
  },
  'outbound.allow': {
    variable: 'POSTERN_OUTBOUND__ALLOW',
    description: 'Networks (CIDR, comma-separated) that outbound calls may reach besides public addresses.',
    fallback: 'none; loopback while the issuer is `http` on a loopback name',
    secret: false,
    remedy: 'Write networks such as 10.0.0.0/8 or fd00::/8, separated by commas.',
    schema: networks,
  },
  'mail.url': {
    variable: 'POSTERN_MAIL__URL',
    description:
      'The mail server: `smtp://USER:PASSWORD@HOST:PORT` (port 587; TLS by STARTTLS, insisted on when there is a password and the host is another machine) or `smtps://…` (port 465). Without it nothing is sent, and pages say so.',
    fallback: 'none',
    secret: true,
    remedy: 'Write smtp://USER:PASSWORD@HOST:PORT or smtps://USER:PASSWORD@HOST:PORT.',
    schema: mailUrl,
  },
  'mail.from': {
    variable: 'POSTERN_MAIL__FROM',
    description: 'Who mails come from: an address, or `Name <address>`.',
    fallback: 'none; required with `mail.url`',
    secret: false,
    remedy: 'Write an address such as id@example.com, or Example <id@example.com>.',
    schema: mailFrom,
  },
  'geoip.file': {
    variable: 'POSTERN_GEOIP__FILE',
    description:
      'Your own file of places by address, in the MaxMind DB format (`.mmdb`), such as GeoLite2 City or DB-IP City. Re-read when it changes; held in memory. Without it no place is shown or judged by.',
    fallback: 'none',
    secret: false,
    remedy: 'Write the path of a file in the MaxMind DB format.',
    schema: path,
  },
  'log.level': {
    variable: 'POSTERN_LOG__LEVEL',
    description: 'The least important line that is written: `trace`, `debug`, `info`, `warn`, `error` or `fatal`.',
    fallback: '`info`',
    secret: false,
    remedy: 'Write trace, debug, info, warn, error or fatal.',
    schema: logLevel,
  },
  'log.file': {
    variable: 'POSTERN_LOG__FILE',
    description: 'A file to log to, rotated by size and by day, instead of standard output.',
    fallback: 'standard output',
    secret: false,
    remedy: 'Write the path of a file.',
    schema: path,
  },
} as const satisfies Readonly<Record<string, ConfigSetting>>;

/** The dotted name of a key, as in `log.level`. */
export type ConfigKey = keyof typeof configSettings;

export const configKeys = Object.keys(configSettings) as ConfigKey[];

/** Whether a dotted name is a key. */
export const isConfigKey = (name: string): name is ConfigKey => Object.hasOwn(configSettings, name);

/** The values that were given and are valid, by key. */
export type GivenValues = { -readonly [K in ConfigKey]?: z.output<(typeof configSettings)[K]['schema']> };

/** Where and how clients show certificates (RFC 8705). */
export interface MtlsConfig {
  /** The port that asks for them. */
  readonly port: { readonly number: number; readonly cert: string; readonly key: string } | undefined;
  /** The header of a proxy that asks for them. */
  readonly header: string | undefined;
  readonly ca: string | undefined;
  /** Where clients go to be asked, if that is not the issuer. */
  readonly url: string | undefined;
}

/** What a process needs to start, checked. Paths are absolute. */
export interface Config {
  readonly issuer: string;
  readonly host: string;
  readonly port: number;
  readonly managementHost: string;
  readonly managementPort: number;
  readonly dataDir: string;
  /** For the embedded database `file:` and an absolute path. Secret: it may hold a password. */
  readonly databaseUrl: string;
  readonly databaseEngine: Engine;
  /** The file of the embedded database. */
  readonly databaseFile: string | undefined;
  /** The keys that were given, first one first. Secret. `undefined`: use the key file of the data folder. */
  readonly encryptionKey: readonly Buffer[] | undefined;
  readonly trustProxy: readonly string[];
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** How clients show certificates; undefined: nowhere. */
  readonly mtls: MtlsConfig | undefined;
  readonly outbound: { readonly ca: string | undefined; readonly allow: readonly string[] };
  /** The mail server and the sender; undefined: nothing is sent. The URL is secret. */
  readonly mail: { readonly url: string; readonly from: MailSender } | undefined;
  readonly geoip: { readonly file: string | undefined };
  readonly log: { readonly level: LogLevel; readonly file: string | undefined };
  /** Where each value came from: `default`, `postern.yaml:3`, the name of a variable, `--key`. */
  readonly sources: Readonly<Record<ConfigKey, string>>;
  /** What is odd but harmless; for the log at start. */
  readonly warnings: readonly string[];
}
