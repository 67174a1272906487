import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Mailing, startMailing } from '../recovery/kit.ts';
import { Caller } from './caller.ts';
import { client, comparable, flows, known, settings, unknown } from './flows.ts';

let mailing: Mailing;
let caller: Caller;

beforeAll(async () => {
  const env = { POSTERN_TRUST_PROXY: '127.0.0.0/8' };
  mailing = await startMailing({ env, settings });
  await mailing.product.addClient(client);
  for (let index = 0; index < 3; index += 1) await mailing.product.addUser({ email: known(index) });
  caller = new Caller(mailing.product.url);
});
afterAll(async () => {
  caller.close();
  await mailing.stop();
});

describe.each(flows)('$name', ({ open }) => {
  it('answers an address with an account as one without: the same bytes, headers and cookies', async () => {
    const ask = await open(caller);
    const answers: string[] = [];
    for (let index = 0; index < 3; index += 1) {
      for (const email of [known(index), unknown(index)]) {
        answers.push(comparable(await caller.send(ask(email)), email));
      }
    }
    expect(answers[0]).toMatch(/^(200|401)\n/);
    expect(answers[0]).toContain('ADDRESS');
    expect(new Set(answers).size).toBe(1);
  });
});
