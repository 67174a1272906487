import { describe, expect, it } from 'vitest';
import { createTestClock } from '../../../test/kit/features.ts';
import { breakingFetch } from './breaker.ts';
import { outboundRefused, outboundTimeout } from './errors.ts';

function setUp(answers: (() => Response)[]) {
  const clock = createTestClock();
  let calls = 0;
  const fetch = breakingFetch({
    clock,
    failures: 3,
    restMs: 1000,
    fetch: async () => {
      calls += 1;
      return (answers.shift() ?? (() => new Response('ok')))();
    },
  });
  const ask = () =>
    fetch('https://up.example/').then(
      ({ status }) => status,
      ({ code }: { code: string }) => code,
    );
  return { clock, ask, calls: () => calls };
}

const slow = () => {
  throw outboundTimeout('up.example');
};
const broken = () => new Response('', { status: 502 });

describe('the circuit breaker', () => {
  it('leaves alone what has failed too often in a row, and tries once after a rest', async () => {
    const { clock, ask, calls } = setUp([slow, broken, slow, slow]);
    expect([await ask(), await ask(), await ask()]).toEqual(['outbound_timeout', 502, 'outbound_timeout']);
    expect([await ask(), calls()]).toEqual(['outbound_paused', 3]);
    clock.advance(1000);
    const [trial, beside] = [ask(), ask()];
    expect([await trial, await beside]).toEqual(['outbound_timeout', 'outbound_paused']);
    clock.advance(1000);
    expect([await ask(), await ask(), calls()]).toEqual([200, 200, 6]);
  });

  it('counts only failures of the other server, one after the other', async () => {
    const refused = () => {
      throw outboundRefused('up.example');
    };
    const { ask } = setUp([slow, slow, () => new Response('', { status: 400 }), slow, slow, refused, refused, refused]);
    for (let n = 0; n < 8; n += 1) await ask();
    expect(await ask()).toBe(200);
  });
});
