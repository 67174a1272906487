import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMailTransport } from '../../src/foundation/mail/transport.ts';
import { type Certificate, makeCertificate } from '../kit/services/certificate.ts';
import { type TemporaryFolder, temporaryFolder } from '../kit/services/folder.ts';
import { MailServer, type MailServerOptions } from '../kit/services/mail-server.ts';

const from = { name: '', address: 'id@northwind.example' };
const password = 'canary of a password';
const mail = {
  to: 'ada@example.org',
  messageId: 'x@northwind.example',
  at: 0,
  subject: 's',
  html: '<p>h</p>',
  text: 't',
};

let folder: TemporaryFolder;
let certificate: Certificate;
let server: MailServer;

beforeEach(() => {
  folder = temporaryFolder('mail');
  certificate = makeCertificate(folder.path);
});
afterEach(async () => {
  await server.stop();
  folder.remove();
});

async function serve(options: MailServerOptions): Promise<void> {
  const { cert, key } = certificate;
  server = new MailServer({ tls: { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }, ...options });
  await server.start();
}

const transport = (scheme: string, secret: string | undefined, ca: string | undefined = certificate.cert) =>
  createMailTransport({
    mail: {
      url: `${scheme}://${secret === undefined ? '' : `postern:${encodeURIComponent(secret)}@`}localhost:${server.port}`,
      from,
    },
    issuer: 'https://login.northwind.example',
    outbound: { ca },
    timeoutMs: 3_000,
  });

describe('the connection to the mail server', () => {
  it.each([
    ['smtp', false],
    ['smtps', true],
  ])('over %s is secured by a certificate of the configured authority, and signs in', async (scheme, secure) => {
    await serve({ secure, password });
    await transport(scheme, password).verify();
    await transport(scheme, password).send(mail);
    expect(await server.mail()).toMatchObject({ secure: true, user: 'postern' });
  });

  it.each([
    ['smtp', false],
    ['smtps', true],
  ])('over %s is refused with a certificate that nobody vouches for', async (scheme, secure) => {
    await serve({ secure, password });
    await expect(transport(scheme, password, anotherOne()).send(mail)).rejects.toMatchObject({
      code: 'mail_failed',
    });
    expect(server.arrived).toEqual([]);
  });

  it('says that the password is wrong, without the password', async () => {
    await serve({ password: 'another one' });
    const sent = transport('smtp', password).send(mail);
    await expect(sent).rejects.toMatchObject({
      code: 'mail_failed',
      message: 'The mail server refused the user name or the password (535).',
    });
    const verified = await transport('smtp', password)
      .verify()
      .catch((error: unknown) => error);
    expect(JSON.stringify(verified, Object.getOwnPropertyNames(verified))).not.toContain(password);
  });
});

/** Another certificate than the server's. */
function anotherOne(): string {
  const path = join(folder.path, 'other');
  mkdirSync(path);
  return makeCertificate(path).cert;
}
