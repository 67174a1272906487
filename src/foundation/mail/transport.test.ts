import { describe, expect, it } from 'vitest';
import { connectionOf } from './transport.ts';

describe('the way to the mail server', () => {
  it.each([
    ['smtp://mail.example.org', { host: 'mail.example.org', port: 587, secure: false, requireTLS: false }],
    ['smtps://mail.example.org', { host: 'mail.example.org', port: 465, secure: true, requireTLS: false }],
    ['smtp://[::1]:1025', { host: '::1', port: 1025, secure: false, requireTLS: false }],
    [
      'smtp://ada%40example.org:p%3Ass@mail.example.org:25',
      {
        host: 'mail.example.org',
        port: 25,
        secure: false,
        requireTLS: true,
        auth: { user: 'ada@example.org', pass: 'p:ss' },
      },
    ],
    [
      'smtp://ada:secret@localhost:1025',
      { host: 'localhost', port: 1025, secure: false, requireTLS: false, auth: { user: 'ada', pass: 'secret' } },
    ],
  ])('is read from %s; a password never leaves this machine in the clear', (url, connection) => {
    expect(connectionOf(new URL(url))).toEqual(connection);
  });
});
