import { describe, expect, it } from 'vitest';
import { type ProfileForm, profileFields, withProfile } from './profile.ts';

const form = (more: Partial<ProfileForm> = {}): ProfileForm => ({
  ...(Object.fromEntries(profileFields.map((field) => [field, ''])) as ProfileForm),
  ...more,
});

describe('a profile', () => {
  it('replaces what the person said, and leaves what the operator did', () => {
    const claims = { name: 'Ada', nickname: 'A', gender: 'f', phone_number: '+44' };
    expect(withProfile(claims, form({ name: ' Ada Lovelace ', zoneinfo: 'Europe/London', locale: 'en-GB' }))).toEqual({
      claims: { name: 'Ada Lovelace', zoneinfo: 'Europe/London', locale: 'en-GB', gender: 'f', phone_number: '+44' },
      changed: ['name', 'nickname', 'zoneinfo', 'locale'],
    });
  });

  it.each([
    ['name', 'x'.repeat(201), 'long'],
    ['name', 'Ada\u0000Lovelace', 'invalid'],
    ['nickname', 'two\u2028lines', 'invalid'],
    ['picture', 'http://example.org/a.png', 'invalid'],
    ['picture', 'javascript:alert(1)', 'invalid'],
    ['picture', 'https://user:secret@example.org/a.png', 'invalid'],
    ['picture', `https://example.org/${'x'.repeat(1000)}`, 'long'],
    ['website', 'ftp://example.org', 'invalid'],
    ['website', 'example.org', 'invalid'],
    ['zoneinfo', 'Nowhere/Land', 'invalid'],
    ['locale', 'not a language', 'invalid'],
  ] as const)('refuses the %s %j', (field, text, problem) => {
    expect(withProfile({}, form({ [field]: text }))).toEqual({ problems: { [field]: problem } });
  });

  it('never grows beyond what tokens can carry', () => {
    const claims = { address: { formatted: 'x'.repeat(8000) } };
    expect(withProfile(claims, form({ name: 'y'.repeat(200) }))).toEqual({ problems: { name: 'long' } });
  });
});
