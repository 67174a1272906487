import { describe, expect, it } from 'vitest';
import { locationOf, openDatabase } from './open.ts';

describe('reading a database URL', () => {
  it.each([
    ['file:./data/postern.db', { engine: 'sqlite', file: './data/postern.db' }],
    ['file:/var/lib/postern/postern.db', { engine: 'sqlite', file: '/var/lib/postern/postern.db' }],
    ['file:///var/lib/a%20b/postern.db', { engine: 'sqlite', file: '/var/lib/a b/postern.db' }],
    ['postgresql://u:p@db/postern', { engine: 'postgresql', url: 'postgresql://u:p@db/postern' }],
    ['postgres://db/postern', { engine: 'postgresql', url: 'postgres://db/postern' }],
    ['mysql://db/postern', { engine: 'mysql', url: 'mysql://db/postern' }],
    ['mariadb://db/postern', { engine: 'mysql', url: 'mariadb://db/postern' }],
  ])('%s', (url, location) => {
    expect(locationOf(url)).toEqual(location);
  });

  it.each(['', 'postern.db', 'sqlserver://db', 'FILE:x'])('refuses %j and says what is possible', (url) => {
    expect(() => locationOf(url)).toThrow('must begin with file:, postgresql:// or mysql://');
  });

  it('refuses to open a SQLite file that is not there, in place of making an empty one', async () => {
    await expect(openDatabase({ url: 'file:/nonexistent/postern.db' })).rejects.toMatchObject({
      code: 'store_unavailable',
    });
  });
});
