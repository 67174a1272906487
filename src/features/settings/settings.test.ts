import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestFeatures, eventTypesOf, openTestFeatures } from '../../../test/kit/features.ts';
import { readRevision } from '../../foundation/db/advance-revision.ts';
import { byOperator } from '../audit/module.ts';

type Features = Awaited<ReturnType<typeof openTestFeatures>>;

let features: Features;
beforeEach(async () => {
  features = await openTestFeatures();
});
afterEach(() => features.close());

describe('settings', () => {
  it('are the defaults until one is changed', async () => {
    await features.settings.reload();
    const settings = features.settings.current();
    expect(settings.refresh.graceSeconds).toBe(10);
    expect(settings.password).toMatchObject({ minLength: 15, hash: { memory: 19_456, time: 2, parallelism: 1 } });
    expect(settings.keys).toEqual({ rotateEvery: 90 * 86_400, publishAhead: 86_400 });
  });

  it('change for every process, audited, and only where they differ', async () => {
    const { settings, database } = features;
    const changes = { refresh: { graceSeconds: 20 }, lifetimes: { idToken: 3600, accessToken: 300 } };
    expect(settings.preview(changes)).toEqual(['lifetimes.accessToken', 'refresh.graceSeconds']);
    expect(await settings.set(changes, byOperator)).toEqual(['lifetimes.accessToken', 'refresh.graceSeconds']);
    expect(settings.current().lifetimes.accessToken).toBe(300);
    expect(await readRevision(database, 'settings')).toBe(1);
    const [event] = await features.audit.search({ limit: 10 });
    expect(event).toMatchObject({
      type: 'settings.changed',
      details: {
        changed: { 'refresh.graceSeconds': { from: 10, to: 20 }, 'lifetimes.accessToken': { from: 600, to: 300 } },
      },
    });

    const { settings: elsewhere } = createTestFeatures(database);
    expect(elsewhere.current().refresh.graceSeconds).toBe(10);
    await elsewhere.reload();
    expect(elsewhere.current().refresh.graceSeconds).toBe(20);
  });

  it('are left alone, without an event, when nothing differs', async () => {
    expect(await features.settings.set({ refresh: { graceSeconds: 10 } }, byOperator)).toEqual([]);
    expect(await features.settings.set({}, byOperator)).toEqual([]);
    expect(await eventTypesOf(features)).toEqual([]);
    expect(await readRevision(features.database, 'settings')).toBe(0);
  });

  it('refuse everything that is wrong at once, and change nothing', async () => {
    const changes = {
      refresh: { graceSeconds: -1, patience: 3 },
      features: { flying: true },
      password: { minLength: 20 },
    };
    const refused = features.settings.set(changes, byOperator);
    await expect(refused).rejects.toMatchObject({
      code: 'settings_refused',
      status: 400,
      fields: {
        'refresh.graceSeconds': expect.any(String),
        'refresh.patience': 'is not a setting',
        features: 'is not a setting',
      },
    });
    await features.settings.reload();
    expect(features.settings.current().password.minLength).toBe(15);
  });

  it('refuse what has another shape', async () => {
    const shapes = [
      null,
      [],
      'text',
      { refresh: 5 },
      { refresh: { graceSeconds: { a: 1 } } },
      { refresh: { graceSeconds: '10' } },
    ];
    for (const changes of shapes) {
      await expect(features.settings.set(changes, byOperator)).rejects.toMatchObject({ code: 'settings_refused' });
    }
  });

  it('cannot be used to reach into every object', () => {
    const changes: unknown = JSON.parse(
      '{"__proto__": {"polluted": true}, "refresh": {"__proto__": {"polluted": true}}}',
    );
    expect(() => features.settings.preview(changes)).toThrow('These settings cannot be used');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('keep apart what belongs together, against what holds already', async () => {
    const { settings } = features;
    await settings.set({ lifetimes: { sessionAbsolute: 90_000 } }, byOperator);
    const tooLong = settings.set({ lifetimes: { sessionIdle: 100_000 } }, byOperator);
    await expect(tooLong).rejects.toMatchObject({
      fields: { 'lifetimes.sessionIdle': expect.stringContaining('sessionAbsolute') },
    });
    await settings.set({ lifetimes: { sessionIdle: 100_000, sessionAbsolute: 200_000 } }, byOperator);
    expect(settings.current().lifetimes.sessionIdle).toBe(100_000);
  });

  it('say so when what is stored is out of bounds, and keep what held', async () => {
    const { settings, database } = features;
    await database.together(async (tx) => {
      await tx.setting.create({ data: { name: 'refresh.graceSeconds', value: '99999', updatedAt: 1n } });
      await tx.setting.create({ data: { name: 'some.future', value: 'true', updatedAt: 1n } });
    });
    await expect(settings.reload()).rejects.toMatchObject({ code: 'settings_invalid', status: 500 });
    expect(settings.current().refresh.graceSeconds).toBe(10);
  });
});
