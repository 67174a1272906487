import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ReadyMail } from '../../foundation/mail/transport.ts';
import { createViews } from '../../foundation/views/render.ts';
import { mailTest } from './mail.ts';

const root = join(import.meta.dirname, '../../..');
const views = createViews({
  viewsDir: join(root, 'views'),
  publicDir: join(root, 'public'),
  issuer: 'https://id.example.com',
});
const sent: ReadyMail[] = [];
const transport = { send: async (mail: ReadyMail) => void sent.push(mail), verify: async () => {}, close: () => {} };
const app = { transport, views, now: Date.UTC(2026, 1, 1), messageId: 'x@id.example.com' };

function terminal() {
  const said = { out: '', err: '' };
  const io = {
    json: true,
    out(text: string) {
      said.out += text;
    },
    err(text: string) {
      said.err += text;
    },
  };
  return { io, said };
}

describe('postern mail test', () => {
  it('sends a mail and prints its message id', async () => {
    const { io, said } = terminal();
    expect(await mailTest(io, app, { to: 'ada@example.org' })).toBe(0);
    expect(JSON.parse(said.out)).toEqual({ to: 'ada@example.org', message_id: 'x@id.example.com' });
    expect(sent).toMatchObject([{ to: 'ada@example.org', subject: 'Mail from id.example.com arrives' }]);
  });

  it('says that there is no mail server, or that this is no address', async () => {
    const { io } = terminal();
    const off = mailTest(io, { ...app, transport: undefined }, { to: 'ada@example.org' });
    await expect(off).rejects.toMatchObject({ code: 'mail_off' });
    await expect(mailTest(io, app, { to: 'nobody' })).rejects.toMatchObject({ code: 'mail_address' });
  });
});
