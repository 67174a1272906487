import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.ts';
import { systemRandom } from '../random.ts';
import { createPasswordHash, type HashParameters, readPasswordHash } from './password-hash.ts';
import { createPasswordQueue, hashConcurrency } from './password-queue.ts';

const cheap: HashParameters = { memory: 64, time: 2, parallelism: 1 };
const queue = () => createPasswordQueue({ concurrency: 1, limit: 8 });
const hasherWith = (parameters: HashParameters) =>
  createPasswordHash({ parameters: () => parameters, queue: queue(), random: systemRandom });
const hasher = hasherWith(cheap);

describe('a password', () => {
  it('is known again by its hash, and another is not', async () => {
    const phc = await hasher.hash('correct horse');
    expect(phc).toMatch(/^\$argon2id\$v=19\$/);
    expect(await hasher.verify(phc, 'correct horse')).toBe(true);
    expect(await hasher.verify(phc, 'correct horsf')).toBe(false);
  });

  it('has another hash each time', async () => {
    expect(await hasher.hash('correct horse')).not.toBe(await hasher.hash('correct horse'));
  });

  it('is the same however its letters were composed', async () => {
    const phc = await hasher.hash('Café');
    expect(await hasher.verify(phc, 'Cafe\u0301')).toBe(true);
  });

  it('is known by a hash that another program made', async () => {
    // The reference vector of the PHC string format, m,t,p in the usual order.
    const foreign = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
    expect(await hasher.verify(foreign, 'password')).toBe(true);
  });

  it.each([
    ['characters', 'x'.repeat(1025)],
    ['bytes', '\u{1F600}'.repeat(1025)],
    ['units', '€'.repeat(5000)],
  ])('of too many %s is refused before it costs anything', async (_what, password) => {
    const refused = { code: 'password_too_long', status: 400 };
    await expect(hasher.hash(password)).rejects.toMatchObject(refused);
    await expect(hasher.verify('$argon2id$', password)).rejects.toMatchObject(refused);
    await expect(hasher.verifyUnknown(password)).rejects.toMatchObject(refused);
  });

  it('may have 1,024 characters of four bytes each', async () => {
    const password = '\u{1F600}'.repeat(1024);
    expect(await hasher.verify(await hasher.hash(password), password)).toBe(true);
  });

  it('is an error, never a match, when its hash is unreadable', async () => {
    for (const phc of [
      '',
      'plain',
      '$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
    ]) {
      await expect(hasher.verify(phc, 'x')).rejects.toMatchObject({ code: 'password_hash_unreadable' });
    }
  });

  it('needs a new hash when the parameters have changed', async () => {
    const phc = await hasher.hash('correct horse');
    expect(hasher.needsRehash(phc)).toBe(false);
    expect(hasherWith({ ...cheap, memory: 128 }).needsRehash(phc)).toBe(true);
    expect(hasherWith({ ...cheap, time: 3 }).needsRehash(phc)).toBe(true);
    expect(hasherWith({ ...cheap, parallelism: 2 }).needsRehash(phc)).toBe(true);
    expect(hasher.needsRehash('unreadable')).toBe(true);
  });

  it('of nobody never matches and costs what a check under the current parameters costs', async () => {
    const costs: HashParameters[] = [];
    const counted = createPasswordHash({
      parameters: () => {
        costs.push(cheap);
        return cheap;
      },
      queue: queue(),
      random: systemRandom,
    });
    expect(await counted.verifyUnknown('correct horse')).toBe(false);
    expect(costs).toEqual([cheap]);

    // Seen from outside: a dearer setting makes it dearer too, so it is no constant and no short cut.
    const dear = hasherWith({ memory: 32_768, time: 4, parallelism: 1 });
    // Processor time, not time on the wall: other tests run beside this one.
    const took = async (work: () => Promise<unknown>) => {
      const start = process.cpuUsage();
      await work();
      const { user, system } = process.cpuUsage(start);
      return user + system;
    };
    const phc = await dear.hash('x');
    const known = await took(() => dear.verify(phc, 'y'));
    const unknown = await took(() => dear.verifyUnknown('y'));
    expect(unknown / known).toBeGreaterThan(0.2);
    expect(unknown / known).toBeLessThan(5);
  });
});

describe('a hash from elsewhere', () => {
  const tail = 'c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';

  it('tells its parameters in any order', () => {
    const expected = { memory: 19456, time: 2, parallelism: 1 };
    expect(readPasswordHash(`$argon2id$v=19$m=19456,t=2,p=1$${tail}`)).toEqual(expected);
    expect(readPasswordHash(`$argon2id$v=19$m=19456,p=1,t=2$${tail}`)).toEqual(expected);
  });

  it.each([
    'm=19456,t=2',
    'm=19456,t=2,p=1,p=1',
    'm=19456,t=2,t=2',
    'm=9999999,t=2,p=1',
    'm=19456,t=0,p=1',
    'm=19456,t=101,p=1',
    'm=19456,t=2,p=0',
    'm=19456,t=2,p=65',
    'm=7,t=2,p=1',
    'keyid=AA,m=1,t=2,p=1',
  ])('with %s is none', (parameters) => {
    expect(readPasswordHash(`$argon2id$v=19$${parameters}$${tail}`)).toBeUndefined();
  });
});

describe('the line for hashes', () => {
  const later = () => {
    let finish = (): void => undefined;
    const job = new Promise<void>((resolve) => {
      finish = resolve;
    });
    return { job: () => job, finish: () => finish() };
  };

  it('runs so many at once, the rest in turn, and turns the surplus away', async () => {
    const line = createPasswordQueue({ concurrency: 1, limit: 1 });
    const first = later();
    const second = later();
    const order: string[] = [];
    const one = line.run(first.job).then(() => order.push('first'));
    const two = line.run(second.job).then(() => order.push('second'));
    const surplus = line.run(async () => 'never').catch((error: unknown) => error);
    expect(await surplus).toBeInstanceOf(AppError);
    expect(await surplus).toMatchObject({ code: 'busy', status: 503, retryAfter: 1 });
    second.finish();
    first.finish();
    await Promise.all([one, two]);
    expect(order).toEqual(['first', 'second']);
  });

  it('goes on after a job that failed', async () => {
    const line = createPasswordQueue({ concurrency: 1, limit: 4 });
    const failing = line.run(() => Promise.reject(new Error('no memory')));
    const next = line.run(async () => 'done');
    await expect(failing).rejects.toThrow('no memory');
    expect(await next).toBe('done');
    expect(await line.run(async () => 'again')).toBe('again');
  });

  it('leaves a core and a thread of the pool free, but always runs one', () => {
    expect(hashConcurrency(1, 4)).toBe(1);
    expect(hashConcurrency(2, 4)).toBe(1);
    expect(hashConcurrency(4, 8)).toBe(3);
    expect(hashConcurrency(64, 4)).toBe(3);
  });
});
