import { describe, expect, it } from 'vitest';
import type { Place } from '../../foundation/geo/place.ts';
import { isApart, judge, type Sighting } from './judge.ts';

const minute = 60_000;
const hour = 60 * minute;
const limits = { kilometres: 500, kilometresPerHour: 1000 };
const at = (latitude: number, longitude: number, radiusKm = 20, country = 'DE'): Place => ({
  country,
  position: { latitude, longitude, radiusKm },
});
const cologne = at(50.94, 6.96);
const bonn = at(50.73, 7.1);
const berlin = at(52.52, 13.4);
const lisbon = at(38.72, -9.14, 20, 'PT');
const santiago = at(-33.45, -70.67, 20, 'CL');
const firefox = (version: number) =>
  `Mozilla/5.0 (X11; Linux x86_64; rv:${version}.0) Gecko/20100101 Firefox/${version}.0`;
const chrome =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36';
let addresses = 0;
const sighting = (more: Partial<Sighting> = {}): Sighting => {
  addresses += 1;
  const address = `198.${addresses}.2.1`;
  return { address, place: undefined, at: 0, userAgent: firefox(140), hints: undefined, ...more };
};
const kindsOf = (kept: Sighting, seen: Sighting, former?: Sighting) =>
  judge({ kept, former, seen }, limits).map(({ kind }) => kind);

describe('a journey', () => {
  it.each([
    ['across an ocean within an hour', santiago, hour, ['impossible_travel']],
    ['across an ocean in no time', santiago, 0, ['impossible_travel']],
    ['across an ocean, by a clock that went back', santiago, -hour, ['impossible_travel']],
    ['across an ocean in a night', santiago, 14 * hour, []],
    ['across Europe by plane', lisbon, 3 * hour, []],
    ['across Europe in half an hour', lisbon, hour / 2, ['impossible_travel']],
    ['to the capital in no time, which a provider may have moved', berlin, 0, []],
    ['to the next town', bonn, 0, []],
    ['to nobody knows where', undefined, 0, []],
    ['to a country without a point', { country: 'CL' }, 0, []],
    ['to a point that may be anywhere', at(-33.45, -70.67, 12_000, 'CL'), 0, []],
  ])('%s', (_how, to, time, kinds) => {
    expect(kindsOf(sighting({ place: cologne }), sighting({ place: to, at: time }))).toEqual(kinds);
  });

  it('says from where, how far and how fast', () => {
    const kept = sighting({ place: cologne, address: '192.0.2.1' });
    const [signal] = judge({ kept, former: undefined, seen: sighting({ place: santiago, at: hour }) }, limits);
    expect(signal?.details).toMatchObject({ from: '192.0.2.1', km: expect.any(Number) });
    expect(signal?.details['kmh']).toBe(signal?.details['km']);
  });
});

describe('use in two places', () => {
  const here = sighting({ place: cologne, address: '192.0.2.1' });
  const there = { place: lisbon, address: '203.0.113.1' };

  it('is one there, and back again soon', () => {
    const former = { ...here, at: 0 };
    const kept = sighting({ ...there, at: 4 * minute });
    expect(kindsOf(kept, { ...here, at: 8 * minute }, former)).toEqual(['concurrent_use']);
    expect(kindsOf(kept, { ...here, address: '192.0.2.99', at: 8 * minute }, former)).toEqual(['concurrent_use']);
    expect(kindsOf(sighting({ ...there, at: 5 * hour }), { ...here, at: 9 * hour }, former)).toEqual([]);
  });

  it('is none between one place and its neighbour, or the two kinds of address of one household', () => {
    const former = { ...here, at: 0 };
    expect(kindsOf(sighting({ place: bonn, at: minute }), { ...here, at: 2 * minute }, former)).toEqual([]);
    const four = sighting({ address: '192.0.2.1' });
    const six = sighting({ address: '2001:db8::1', at: minute });
    expect(kindsOf(six, { ...four, at: 2 * minute }, four)).toEqual([]);
  });

  it.each([
    ['192.0.2.1', '192.0.99.1', false],
    ['192.0.2.1', '203.0.113.1', true],
    ['2001:db8:1::1', '2001:db8:2::1', false],
    ['2001:db8::1', '2001:db9::1', true],
    ['192.0.2.1', '::ffff:192.0.2.7', false],
    ['192.0.2.1', '2001:db8::1', false],
    ['192.0.2.1', undefined, false],
    ['192.0.2.1', 'a socket', false],
  ])('is judged by coarse networks where places are not known: %s and %s', (one, other, apart) => {
    expect(isApart({ address: one, place: undefined }, { address: other, place: undefined })).toBe(apart);
  });

  it('is judged by countries where the file has no more', () => {
    const of = (country: string) => sighting({ place: { country } });
    expect([isApart(of('DE'), of('CL')), isApart(of('DE'), of('DE'))]).toEqual([true, false]);
  });
});

describe('another browser', () => {
  it.each([
    ['an update', firefox(140), firefox(141), []],
    ['an older version', firefox(140), firefox(139), ['user_agent_changed']],
    ['another browser', firefox(140), chrome, ['user_agent_changed']],
    ['a program', firefox(140), 'curl/8.1', ['user_agent_changed']],
    ['one program after another', 'curl/8.1', 'wget/1.2', ['user_agent_changed']],
    ['a newer program', 'curl/8.1', 'curl/8.2', []],
    ['nothing any more', firefox(140), undefined, ['user_agent_changed']],
    ['nothing, as before', undefined, undefined, []],
  ])('is seen by what it says: %s', (_how, before, now, kinds) => {
    expect(kindsOf(sighting({ userAgent: before }), sighting({ userAgent: now }))).toEqual(kinds);
  });

  it('is seen by hints where both gave some, and says what it was', () => {
    const brave = sighting({ userAgent: chrome, hints: { browser: 'Brave', system: 'Windows' } });
    const newer = chrome.replace('130', '131');
    const edge = sighting({ userAgent: newer, hints: { browser: 'Microsoft Edge', system: 'Windows' } });
    const [signal] = judge({ kept: brave, former: undefined, seen: edge }, limits);
    expect(signal?.details).toEqual({ from: 'Brave on Windows', to: 'Microsoft Edge on Windows' });
    expect(kindsOf(brave, sighting({ userAgent: newer, hints: undefined }))).toEqual([]);
  });
});
