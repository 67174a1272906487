import { describe, expect, it } from 'vitest';
import { isSource, mapped, valueAt } from './claim-mapping.ts';

const json = {
  id: 7,
  name: { first: 'Ada', last: 'Lovelace' },
  images: [{ url: 'https://img.example/1' }, { url: 'https://img.example/2' }],
  groups: [{ name: 'sailors' }, {}, { name: 'cooks' }],
};

describe('paths', () => {
  it('lead through objects and lists', () => {
    expect(valueAt(json, 'id')).toBe(7);
    expect(valueAt(json, '$.name.first')).toBe('Ada');
    expect(valueAt(json, 'images[1].url')).toBe('https://img.example/2');
    expect(valueAt(json, 'groups[*].name')).toEqual(['sailors', 'cooks']);
    expect(valueAt({ roles: ['a', 'b'] }, 'roles[*]')).toEqual(['a', 'b']);
  });

  it('lead nowhere but to what the provider sent', () => {
    for (const path of [
      'constructor',
      'name.__proto__',
      'images.length.x',
      'toString.name',
      'id.toFixed',
      'nothing.at.all',
      'name[*]',
    ]) {
      expect(valueAt(json, path)).toBeUndefined();
    }
    expect(valueAt(undefined, 'a')).toBeUndefined();
    expect(valueAt('text', 'length')).toBeUndefined();
  });
});

describe('templates', () => {
  it('fill in every path, or say nothing', () => {
    expect(mapped(json, '{name.first} {name.last}')).toBe('Ada Lovelace');
    expect(mapped(json, 'https://img.example/{id}.png')).toBe('https://img.example/7.png');
    expect(mapped(json, '{name.first} {name.middle}')).toBeUndefined();
    expect(mapped(json, '{name}')).toBeUndefined();
  });

  it('are told from what cannot be read', () => {
    expect(['id', 'a.b[0].c', 'a[*]', '{a} and {b.c}', '$.a'].map(isSource)).toEqual([true, true, true, true, true]);
    expect(['', 'a b', '{a', 'a}', '{}', 'a[', 'a..b', 'a[x]'].map(isSource)).not.toContain(true);
  });
});
