import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  databaseUrl,
  encryptionKeys,
  host,
  isLoopbackHost,
  issuer,
  mailFrom,
  mailUrl,
  networks,
  port,
  readDatabaseUrl,
} from './values.ts';

const messagesOf = (result: { success: boolean; error?: { issues: { message: string }[] } | undefined }) =>
  result.error?.issues.map(({ message }) => message).join(' ');

describe('an issuer', () => {
  it.each([
    'https://id.example.com',
    'https://id.example.com:8443',
    'http://localhost:8080',
    'http://localhost',
    'http://id.localhost:3000',
    'http://127.0.0.1:8080',
    'http://[::1]:8080',
  ])('may be %s', (text) => expect(issuer.parse(text)).toBe(text));

  it.each([
    'https://id.example.com/',
    'https://id.example.com/auth',
    'https://id.example.com?x=1',
    'https://id.example.com#x',
    'https://ID.example.com',
    'https://id.example.com:443',
    'https://user:pass@id.example.com',
    'http://id.example.com',
    'http://0.0.0.0:8080',
    'http://localhost.example.com',
    'http://10.0.0.1',
    'ftp://localhost',
    'id.example.com',
    '',
  ])('may not be %s', (text) => expect(issuer.safeParse(text).success).toBe(false));

  it('is told how it should be written', () => {
    const { error } = issuer.safeParse('https://id.example.com/');
    expect(error?.issues[0]).toMatchObject({ params: { remedy: 'Write it as https://id.example.com.' } });
    expect(messagesOf(issuer.safeParse('HTTPS://id.example.com'))).toContain('normal form');
  });
});

describe('a loopback name', () => {
  it('is one that can only mean this machine', () => {
    for (const name of [
      'localhost',
      'LOCALHOST',
      'a.localhost',
      '127.0.0.1',
      '127.9.9.9',
      '[::1]',
      '::1',
      '::ffff:127.0.0.1',
    ]) {
      expect(isLoopbackHost(name)).toBe(true);
    }
    for (const name of ['example.com', 'localhost.example.com', '0.0.0.0', '10.0.0.1', '::', 'notlocalhost']) {
      expect(isLoopbackHost(name)).toBe(false);
    }
  });
});

describe('a port', () => {
  it('is a whole number, written as number or text', () => {
    expect([port.parse(8080), port.parse('8080'), port.parse('0'), port.parse(65535)]).toEqual([8080, 8080, 0, 65535]);
    for (const text of ['65536', '-1', '80.5', '0x50', ' 80', 'http', '', 80.5, Number.NaN, true, null]) {
      expect(port.safeParse(text).success).toBe(false);
    }
  });
});

describe('a host', () => {
  it('is an address or a name, never a URL', () => {
    for (const text of ['0.0.0.0', '::', 'localhost', 'node-1.internal']) expect(host.parse(text)).toBe(text);
    for (const text of ['http://localhost', 'a b', '', 'x/y']) expect(host.safeParse(text).success).toBe(false);
  });
});

describe('networks', () => {
  it('are read from a list or a line, and made canonical', () => {
    expect(networks.parse('10.0.0.0/8, fd00::/8,')).toEqual(['10.0.0.0/8', 'fd00::/8']);
    expect(networks.parse(['192.168.1.1', '2001:DB8:0::1'])).toEqual(['192.168.1.1/32', '2001:db8::1/128']);
    expect(networks.parse('')).toEqual([]);
  });

  it.each(['10.0.0.0/33', '10.0.0/8x', 'proxy.example.com', '1', '127.1', '0x7f000001', '10.0.0.0/', '*'])(
    'are not %s',
    (text) => expect(messagesOf(networks.safeParse(text))).toContain(`"${text}" is not a network.`),
  );

  it('never throw, whatever is written', () => {
    const answers = fc.property(fc.string(), (text) => typeof networks.safeParse(text).success === 'boolean');
    expect(fc.check(answers)).toMatchObject({ failed: false });
  });
});

describe('a database URL', () => {
  it.each([
    'file:./data/postern.db',
    'file:/var/lib/postern/postern.db',
    'postgresql://u:p@db/postern',
    'postgresql:///postern?host=/run/postgresql',
    'mysql://u:p@db:3306/postern',
  ])('may be %s', (text) => expect(databaseUrl.parse(text)).toBe(text));

  it.each([
    'file:',
    'file:a?b=c',
    'postgres://u:geheim@db/x',
    'mariadb://u:geheim@db/x',
    'sqlserver://geheim',
    'geheim',
  ])('may not be %s, and the message keeps it to itself', (text) => {
    const result = databaseUrl.safeParse(text);
    expect(result.success).toBe(false);
    expect(JSON.stringify(result.error)).not.toContain('geheim');
  });

  it('names a host and a database', () => {
    expect(messagesOf(databaseUrl.safeParse('postgresql:///x'))).toContain('names no host');
    expect(messagesOf(databaseUrl.safeParse('mysql://db/'))).toContain('names no database');
  });

  it('tells the engine and the file', () => {
    expect(readDatabaseUrl('file:data/x.db', '/srv')).toEqual({ engine: 'sqlite', file: '/srv/data/x.db' });
    expect(readDatabaseUrl('file:///abs/x.db', '/srv')).toEqual({ engine: 'sqlite', file: '/abs/x.db' });
    expect(readDatabaseUrl('postgresql://db/x', '/srv')).toEqual({ engine: 'postgresql', file: undefined });
    expect(readDatabaseUrl('mysql://db/x', '/srv')).toEqual({ engine: 'mysql', file: undefined });
  });
});

describe('the mail server', () => {
  it.each(['smtp://mail', 'smtp://127.0.0.1:1025', 'smtps://u%40x:p@mail.example.com:465/'])('may be %s', (text) =>
    expect(mailUrl.parse(text)).toBe(text),
  );

  it.each([
    'geheim',
    'http://u:geheim@mail',
    'smtp://',
    'smtp://geheim@mail',
    'smtp://u:geheim@mail/path',
    'smtp://u:geheim@mail?requireTLS=false',
    'smtp://u:geheim%@mail',
  ])('may not be %s, and the message keeps it to itself', (text) => {
    const result = mailUrl.safeParse(text);
    expect(result.success).toBe(false);
    expect(JSON.stringify(result.error)).not.toContain('geheim');
  });

  it.each([
    ['id@example.com', { name: '', address: 'id@example.com' }],
    ['Example <id@example.com>', { name: 'Example', address: 'id@example.com' }],
    [' "Example Inc." <id@example.com> ', { name: 'Example Inc.', address: 'id@example.com' }],
  ])('sends as %s', (text, sender) => expect(mailFrom.parse(text)).toEqual(sender));

  it.each(['', 'Example', 'a@b, c@d', 'Example <>', 'a@b\nBcc: c@d'])('sends not as %j', (text) =>
    expect(mailFrom.safeParse(text).success).toBe(false),
  );
});

describe('encryption keys', () => {
  const one = Buffer.alloc(32, 1).toString('base64');
  const two = Buffer.alloc(32, 2).toString('base64');

  it('are base64 of 32 bytes, several by commas', () => {
    expect(encryptionKeys.parse(`${one}, ${two}`)).toEqual([Buffer.alloc(32, 1), Buffer.alloc(32, 2)]);
    expect(encryptionKeys.parse(one.replace('=', ''))).toEqual([Buffer.alloc(32, 1)]);
  });

  it('are refused when they are anything else, and the message keeps them to itself', () => {
    const short = Buffer.alloc(31, 3).toString('base64');
    for (const text of [
      '',
      'geheim',
      short,
      `${one},`,
      `${one},${one}`,
      `${one} x`,
      Buffer.alloc(33).toString('base64'),
    ]) {
      const result = encryptionKeys.safeParse(text);
      expect(result.success).toBe(false);
      expect(messagesOf(result)).toMatch(/^(Key \d (is not base64 of exactly 32 bytes|repeats an earlier one)\.\s?)+$/);
    }
  });

  it('never decode with loss', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.string({ minLength: 1 }), (bytes, junk) => {
        const text = Buffer.from(bytes).toString('base64');
        expect(encryptionKeys.parse(text)[0]).toEqual(Buffer.from(bytes));
        fc.pre(!/^[\s=]*$/.test(junk) && !junk.includes(','));
        expect(encryptionKeys.safeParse(text + junk).success).toBe(false);
      }),
    );
  });
});
