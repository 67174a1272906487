import { describe, expect, it } from 'vitest';
import { code, declared, files, type Import, importsOf, offenders, rooms, tables } from './source.ts';

/** What of the database a use case may import at run time: everything else is for stores. */
const databaseForAll = /^foundation\/db\/(errors|revision|advance-revision)\.ts$/;

const floors = ['generated', 'foundation', 'features', 'app'];

/** `features/users/store.ts` → floor, room and file. */
function place(path: string): { floor: string; room: string; name: string } {
  const [floor = '', room = '', ...rest] = path.split('/');
  return { floor, room, name: rest.join('/') };
}

function mayImport(file: string, one: Import): boolean {
  const from = place(file);
  const to = place(one.target);
  if (!floors.includes(to.floor)) return true;
  if (to.floor === 'generated') return file.startsWith('foundation/db/');
  if (floors.includes(from.floor) && floors.indexOf(to.floor) > floors.indexOf(from.floor)) return false;
  if (from.floor !== 'features') return true;
  if (to.floor === 'foundation') return to.room !== 'db' || mayUseDatabase(file, one);
  return from.room === to.room || (to.name === 'module.ts' && declared[from.room]?.includes(to.room) === true);
}

const mayUseDatabase = (file: string, { target, typeOnly }: Import): boolean =>
  typeOnly || file.endsWith('/store.ts') || databaseForAll.test(target);

const imports = files.flatMap((file) => importsOf(file).map((one) => ({ file, ...one })));
const importers = (of: RegExp): string[] => [
  ...new Set(imports.filter(({ target }) => of.test(target)).map(({ file }) => file)),
];

describe('the plan of the house', () => {
  it('lets each file import only what its floor and room may', () => {
    const broken = imports.filter((one) => !mayImport(one.file, one)).map(({ file, target }) => `${file} -> ${target}`);
    expect(broken).toEqual([]);
  });

  it('knows upward, sideways and stolen imports when it sees them', () => {
    const value = (target: string): Import => ({ target, typeOnly: false });
    expect(mayImport('foundation/clock.ts', value('features/audit/module.ts'))).toBe(false);
    expect(mayImport('features/audit/module.ts', value('app/compose.ts'))).toBe(false);
    expect(mayImport('features/sign-in/pages.ts', value('features/users/store.ts'))).toBe(false);
    expect(mayImport('features/audit/module.ts', value('features/users/module.ts'))).toBe(false);
    expect(mayImport('features/users/create-user.ts', value('foundation/db/statement.ts'))).toBe(false);
    expect(mayImport('features/users/store.ts', value('generated/sqlite/client.ts'))).toBe(false);
  });

  it('declares every room, and no room that does not exist', () => {
    expect(Object.keys(declared).sort()).toEqual([...rooms].sort());
  });

  it('has no cycle in the declared room order', () => {
    const visit = (room: string, path: string[]): void => {
      expect(path, `a cycle through ${room}`).not.toContain(room);
      for (const next of declared[room] ?? []) visit(next, [...path, room]);
    };
    for (const room of Object.keys(declared)) visit(room, []);
  });

  it('keeps Koa in doors, the app, foundation/http and the engine-facing files of protocol', () => {
    const places =
      /^(main\.ts|app\/|foundation\/(http|views)\/|features\/(protocol\/|[^/]+\/(?:[\w-]+-)?(pages|api)\.ts$))/;
    const koa = imports.filter(({ target }) => /^(koa|@koa\/|koa-)/.test(target));
    // A module hands its doors to the app, and may name their type.
    const broken = koa.filter(({ file, typeOnly }) => !places.test(file) && !(typeOnly && file.endsWith('/module.ts')));
    expect(broken.map(({ file }) => file)).toEqual([]);
  });

  it('keeps the protocol library in one room', () => {
    expect(importers(/^oidc-provider/).filter((file) => !file.startsWith('features/protocol/'))).toEqual([]);
  });

  it('keeps database drivers in foundation/db', () => {
    const drivers = /^(@prisma\/|pg$|mariadb$|node:sqlite$)/;
    // The data folder is held by the lock of an SQLite file, which no crash leaves behind.
    const places = /^foundation\/(db\/|config\/data-dir\.ts$)/;
    expect(importers(drivers).filter((file) => !places.test(file))).toEqual([]);
  });
});

describe('stores', () => {
  const isStore = (file: string): boolean => file.endsWith('/store.ts');
  const inFeatures = (file: string): boolean => file.startsWith('features/');

  it('are the only files of a feature that use Prisma', () => {
    expect(
      offenders(
        (text) => /\.prisma\b/.test(text),
        (file) => isStore(file) || !inFeatures(file),
      ),
    ).toEqual([]);
  });

  it('touch only the tables of their own room', () => {
    const trespasses = files.filter(inFeatures).flatMap((file) => {
      const text = code(file);
      const foreign = tables.filter(({ room }) => room !== file.split('/')[1]);
      return foreign
        .filter(({ model, name }) => {
          const bySql = new RegExp(`\\b(?:FROM|INTO|UPDATE|JOIN)\\s+${name}\\b`, 'i').test(text);
          return bySql || new RegExp(`\\b(?:prisma|tx|transaction)\\.${model}\\.`).test(text);
        })
        .map(({ name }) => `${file} -> ${name}`);
    });
    expect(trespasses).toEqual([]);
    expect(tables.length).toBeGreaterThan(0);
  });
});
