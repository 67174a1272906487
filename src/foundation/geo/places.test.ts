import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { town, writePlacesFile } from '../../../test/kit/places-file.ts';
import { until } from '../../../test/kit/until.ts';
import type { AppError } from '../errors.ts';
import { distanceKm, placeInWords } from './place.ts';
import { inspectPlaces, openPlaces, type Places } from './places.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-places-'));
const file = join(folder, 'places.mmdb');
const cologne = town({ en: 'Cologne', de: 'Köln', ja: 'ケルン' }, 'DE', [50.94, 6.96]);
const santiago = town({ en: 'Santiago' }, 'CL', [-33.45, -70.67]);
const opened: Places[] = [];
afterEach(() => {
  for (const places of opened.splice(0)) places.close();
  vi.useRealTimers();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function open(path: string | undefined) {
  const problems: AppError[] = [];
  let reads = 0;
  const places = openPlaces({
    file: path,
    onRead: () => {
      reads += 1;
    },
    onUnusable: (error) => problems.push(error),
  });
  opened.push(places);
  return { places, problems, reads: () => reads };
}

describe('places', () => {
  it('are found for IPv4 and IPv6, and named in the language of the page', () => {
    writePlacesFile(file, { '192.0.2.0/24': cologne, '2001:db8:1::/48': santiago });
    const { places, problems } = open(file);
    const words = (address: string | undefined, language: string) => placeInWords(places.find(address), language);
    expect(problems).toEqual([]);
    expect(words('192.0.2.77', 'en')).toBe('Cologne, Germany');
    expect(words('192.0.2.1', 'de')).toBe('Köln, Deutschland');
    expect(words('192.0.2.77', 'ja')).toMatch(/ケルン.*ドイツ/);
    expect(words('2001:db8:1:ffff::9', 'fr')).toBe('Santiago, Chili');
    expect(words('2001:db8:1::9', 'zh-Hans')).toMatch(/Santiago.*智利/);
    for (const unknown of ['192.0.3.1', '2001:db8:2::1', '::1', '127.0.0.1', 'nonsense', '', undefined])
      expect(words(unknown, 'en')).toBeUndefined();
  });

  it('say a city that is its own region once, and take nothing that is no name or degree', () => {
    const odd = {
      city: { names: { en: 7 } },
      country: { iso_code: 'nowhere' },
      location: { latitude: 95, longitude: 3 },
    };
    const state = {
      ...(town({ en: 'Berlin' }, 'DE', [52.5, 13.4]) as object),
      subdivisions: [{ names: { en: 'Berlin' } }],
    };
    writePlacesFile(file, { '192.0.2.0/25': odd, '192.0.2.128/25': state });
    const { places } = open(file);
    expect(places.find('192.0.2.1')).toBeUndefined();
    expect(placeInWords(places.find('192.0.2.200'), 'en')).toBe('Berlin, Germany');
  });

  it('are none without a file, and nothing is said of that', () => {
    const { places, problems } = open(undefined);
    expect([places.find('192.0.2.1'), problems]).toEqual([undefined, []]);
  });

  it.each([
    ['is away', join(folder, 'none.mmdb'), 'cannot be read (ENOENT)'],
    ['is a folder', folder, 'cannot be read (EISDIR)'],
  ])('are none from a file that %s, which is said once, with its code', (_how, path, why) => {
    const { places, problems } = open(path);
    expect(places.find('192.0.2.1')).toBeUndefined();
    expect(problems.map(({ code, message }) => [code, message.includes(why)])).toEqual([['geoip_unusable', true]]);
    expect(() => inspectPlaces(path)).toThrow(expect.objectContaining({ code: 'geoip_unusable' }));
  });

  it('are none from a file of another form, or one that was cut off', () => {
    writeFileSync(file, 'no such thing');
    expect(() => inspectPlaces(file)).toThrow('not in the MaxMind DB format');
    writePlacesFile(file, { '192.0.2.0/24': cologne });
    expect(inspectPlaces(file)).toEqual({ path: file, kind: 'Test-City', madeAt: 1_790_000_000_000 });
    truncateSync(file, 300);
    expect(() => inspectPlaces(file)).toThrow('not in the MaxMind DB format');
  });

  it('are those of the new file when it changes, and the former ones while it is broken', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const later = () => vi.advanceTimersByTime(10_000);
    writePlacesFile(file, { '192.0.2.0/24': cologne });
    const { places, problems, reads } = open(file);
    writeFileSync(file, 'broken');
    await until('the change is seen', () => later() && problems.length === 1);
    expect(places.find('192.0.2.1')?.country).toBe('DE');
    writePlacesFile(file, { '192.0.2.0/24': santiago });
    await until('the change is seen', () => later() && reads() === 2);
    expect(places.find('192.0.2.1')?.country).toBe('CL');
  });
});

describe('the distance over the ground', () => {
  const at = (latitude: number, longitude: number) => ({ latitude, longitude, radiusKm: 0 });

  it.each([
    ['nowhere', at(50, 7), at(50, 7), 0],
    ['Berlin to Tokyo', at(52.52, 13.405), at(35.68, 139.69), 8918],
    ['over the date line', at(0, 179.5), at(0, -179.5), 111],
    ['to the other side', at(0, 0), at(0, 180), 20_015],
  ])('%s', (_way, one, other, km) => {
    expect(Math.abs(distanceKm(one, other) - km)).toBeLessThanOrEqual(Math.max(2, km * 0.01));
  });
});
