import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';
import type { Config } from '../config/schema.ts';
import { isLoopbackHost } from '../config/values.ts';
import { mailFailure } from './errors.ts';

/** A mail, ready to go. */
export interface ReadyMail {
  readonly to: string;
  /** Without its brackets; the same for every try, so that a repeated mail can be told from a new one. */
  readonly messageId: string;
  /** When it was written, in milliseconds since the epoch. */
  readonly at: number;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

/** The way to the mail server. */
export interface MailTransport {
  /** Resolves once the server has taken the mail. Throws `mail_failed`, or `mail_refused` when another try is in vain. */
  send(mail: ReadyMail): Promise<void>;
  /** Connects, secures and signs in, without sending anything. Throws `mail_failed`. */
  verify(): Promise<void>;
  /** Gives up what is being sent, so that a slow server does not hold up our stop; the outbox sends it after the next start. */
  close(): void;
}

/** All of a delivery, in milliseconds: less than the outbox holds a claim, or another node would send it as well. */
const sendMs = 20_000;
const limits = { connectionTimeout: 8_000, greetingTimeout: 8_000, socketTimeout: 10_000, dnsTimeout: 5_000 };

export interface MailTransportOptions {
  readonly mail: NonNullable<Config['mail']>;
  readonly issuer: string;
  readonly outbound: { readonly ca: string | undefined };
  /** For tests of slow servers. */
  readonly timeoutMs?: number;
}

/** A connection for each mail: none lies idle, and none that a server has dropped is found out by losing a mail. */
export function createMailTransport({
  mail: { url, from },
  issuer,
  outbound,
  timeoutMs = sendMs,
}: MailTransportOptions): MailTransport {
  const options = {
    ...connectionOf(new URL(url)),
    ...limits,
    name: new URL(issuer).hostname,
    // The content is ours, but a template's slip must not become a file that leaves this machine.
    disableFileAccess: true,
    disableUrlAccess: true,
    tls: {
      minVersion: 'TLSv1.2' as const,
      ...(outbound.ca === undefined
        ? {}
        : { ca: [...getCACertificates('default'), readFileSync(outbound.ca, 'utf8')] }),
    },
  };
  let opened: ReturnType<typeof openTransporter> | undefined;
  const transporter = () => (opened ??= openTransporter(options));
  const closing = new AbortController();
  return {
    close: () => closing.abort(),
    async send({ to, messageId, at, ...content }) {
      // Objects, never text: an address with a comma in it must not become two recipients (mail injection).
      const recipient = { name: '', address: to };
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]);
      try {
        const server = await transporter();
        await server.sendMail({
          ...content,
          from: { ...from },
          to: recipient,
          messageId: `<${messageId}>`,
          date: new Date(at),
          // RFC 3834 §5: nobody's holiday notice shall answer this.
          headers: { 'Auto-Submitted': 'auto-generated' },
          signal,
        });
      } catch (error) {
        throw mailFailure(signal.aborted ? { code: closing.signal.aborted ? 'ECLOSING' : 'EABORT' } : error);
      }
    },
    async verify() {
      const server = await transporter();
      await server.verify().catch((error: unknown) => {
        throw mailFailure(error);
      });
    },
  };
}

/** Loaded with the first mail: a server that sends none does without. */
async function openTransporter(options: object) {
  const { createTransport } = await import('nodemailer');
  return createTransport(options);
}

/** How to connect to a valid `mail.url`. */
export function connectionOf(url: URL) {
  const secure = url.protocol === 'smtps:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const hasPassword = url.password !== '';
  return {
    host,
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    // STARTTLS can be stripped on the way (RFC 3207 §6): where there is a password to lose, no TLS means no mail.
    requireTLS: !secure && hasPassword && !isLoopbackHost(host),
    ...(hasPassword
      ? { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }
      : {}),
  };
}
