import { resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import type { Engine } from '../db/statement.ts';

/** What the loader adds to a rule of zod: the remedy that belongs to this very mistake. */
function refuse(context: z.RefinementCtx, message: string, remedy?: string): typeof z.NEVER {
  context.addIssue({ code: 'custom', message, params: { remedy } });
  return z.NEVER;
}

/** Whether a host name can only mean this machine (RFC 6761 §6.3, RFC 8252 §8.3). */
export function isLoopbackHost(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  return ipaddr.isValid(name) && ipaddr.process(name).range() === 'loopback';
}

/** An issuer identifier (RFC 8414 §2), written exactly as relying apps will compare it: scheme, host and port only. */
export const issuer = z.string().transform((text, context) => {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return refuse(context, 'This is not an http or https URL.');
  if (url.username !== '' || url.password !== '') return refuse(context, 'The issuer carries a user name or password.');
  if (url.origin !== text) {
    const extra = url.pathname !== '/' || url.search !== '' || url.hash !== '' || text.endsWith('/');
    const message = extra ? 'The issuer has a path, query or trailing slash.' : 'The issuer is not in its normal form.';
    return refuse(context, message, `Write it as ${url.origin}.`);
  }
  // RFC 8414 §2 asks for https; plain http would hand every password and code to whoever listens on the way.
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
    return refuse(
      context,
      `Plain http is only for this machine, not for ${url.hostname}.`,
      `Write https://${url.host}.`,
    );
  }
  return text;
});

export const port = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,5}$/)
      .transform(Number),
  ])
  .pipe(z.int().min(0).max(65535));

/** A port that others are told of, and which therefore cannot be left to chance. */
export const fixedPort = port.refine((number) => number > 0);

/** Where a server is reached over https: scheme, host and port only. */
export const httpsOrigin = z.string().refine((text) => text.startsWith('https://') && URL.parse(text)?.origin === text);

/** The name of a header (RFC 9110 §5.1). */
export const headerName = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/);

export const host = z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/);

export const path = z
  .string()
  .min(1)
  .refine((text) => !text.includes('\0'));

const list = z.union([z.array(z.string()), z.string().transform((text) => text.split(','))]);

/** Addresses and networks; a lone address stands for itself. The result is canonical CIDR text. */
export const networks = list.transform((items, context) => {
  const networks: string[] = [];
  for (const item of items.map((text) => text.trim()).filter((text) => text !== '')) {
    const network = canonicalNetwork(item);
    if (network === undefined) refuse(context, `"${item}" is not a network.`);
    else networks.push(network);
  }
  return networks;
});

function canonicalNetwork(text: string): string | undefined {
  if (ipaddr.isValidCIDR(text)) {
    const [address, bits] = ipaddr.parseCIDR(text);
    return `${address.toString()}/${bits}`;
  }
  // `isValid` would also take "1", "127.1" or "0x7f000001"; nobody means those in a list of networks.
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.parse(text);
  return `${address.toString()}/${address.kind() === 'ipv4' ? 32 : 128}`;
}

const remoteEngines: Readonly<Record<string, Engine>> = { 'postgresql:': 'postgresql', 'mysql:': 'mysql' };

/** A database URL. The message never repeats it: it may hold a password. */
export const databaseUrl = z.string().transform((text, context) => {
  if (text.startsWith('file:')) {
    if (text.length === 'file:'.length || /[?#\0]/.test(text)) {
      return refuse(
        context,
        'The database file has no plain path.',
        'Write file:./data/postern.db or file:/absolute/path.',
      );
    }
    return text;
  }
  const url = URL.parse(text);
  if (url === null) return refuse(context, 'The database URL cannot be read.');
  const meant = { 'postgres:': 'postgresql', 'mariadb:': 'mysql' }[url.protocol];
  if (meant !== undefined)
    return refuse(context, 'The database URL has an unknown scheme.', `Begin it with ${meant}://.`);
  if (remoteEngines[url.protocol] === undefined) return refuse(context, 'The database URL has an unknown scheme.');
  if (url.hostname === '' && !url.searchParams.has('host')) return refuse(context, 'The database URL names no host.');
  if (url.pathname.length < 2) return refuse(context, 'The database URL names no database.');
  return text;
});

/** Which engine a valid database URL means, and for the embedded one the absolute path of its file. */
export function readDatabaseUrl(url: string, cwd: string): { engine: Engine; file: string | undefined } {
  if (!url.startsWith('file:'))
    return { engine: remoteEngines[new URL(url).protocol] ?? 'postgresql', file: undefined };
  return { engine: 'sqlite', file: resolve(cwd, url.slice('file:'.length).replace(/^\/\/(?=\/)/, '')) };
}

/** The address of a mail server. The message never repeats it: it may hold a password. */
export const mailUrl = z.string().transform((text, context) => {
  const url = URL.parse(text);
  if (url === null) return refuse(context, 'The URL of the mail server cannot be read.');
  if (!/^smtps?:$/.test(url.protocol)) return refuse(context, 'The URL of the mail server has an unknown scheme.');
  if (url.hostname === '') return refuse(context, 'The URL of the mail server names no host.');
  if ((url.username === '') !== (url.password === '')) {
    return refuse(context, 'The URL of the mail server has a user name or a password, but not both.');
  }
  if (!isDecodable(url.username) || !isDecodable(url.password)) {
    return refuse(context, 'The user name or password has a % that encodes nothing.', 'Write % as %25.');
  }
  const extra = url.pathname.length > 1 || url.search !== '' || url.hash !== '';
  return extra ? refuse(context, 'The URL of the mail server has a path, query or fragment.') : text;
});

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** A sender: an address, or a name with the address in angle brackets. */
export const mailFrom = z.string().transform((text, context): MailSender => {
  const [, name = '', inner] = /^\s*"?([^"<>\p{C}]*?)"?\s*<([^<>]*)>\s*$/u.exec(text) ?? [];
  const address = (inner ?? text).trim();
  if (/^[^\s@<>,;"\p{C}]+@[^\s@<>,;"\p{C}]+$/u.test(address)) return { name: name.trim(), address };
  return refuse(context, 'The sender of mails is no e-mail address.');
});

/** Who mails come from; the name may be empty. */
export interface MailSender {
  readonly name: string;
  readonly address: string;
}

const keyLength = 32;

/** Encryption keys: base64 of 32 bytes each, separated by commas. The first encrypts, all decrypt. */
export const encryptionKeys = z.string().transform((text, context): readonly Buffer[] => {
  const keys: Buffer[] = [];
  for (const [index, part] of text.split(',').entries()) {
    const key = decodeKey(part.trim());
    if (key === undefined) refuse(context, `Key ${index + 1} is not base64 of exactly ${keyLength} bytes.`);
    else if (keys.some((other) => other.equals(key))) refuse(context, `Key ${index + 1} repeats an earlier one.`);
    else keys.push(key);
  }
  return keys;
});

function decodeKey(text: string): Buffer | undefined {
  const key = Buffer.from(text, 'base64');
  // Node's decoder skips what it does not know; only text that decodes without loss is a key.
  const canonical = key.toString('base64');
  return key.length === keyLength && (text === canonical || text === canonical.replace(/=+$/, '')) ? key : undefined;
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** How much is logged, from everything to nearly nothing. */
export type LogLevel = (typeof logLevels)[number];

export const logLevel = z.enum(logLevels);
