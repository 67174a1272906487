import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrationSql } from '../../prisma/scripts/migration.mjs';
import { migrateDatabase } from '../../src/foundation/db/migrate.ts';
import { openDatabase } from '../../src/foundation/db/open.ts';
import { ENGINES, migrating, type Server } from '../storage/kit/engines.ts';
import { catalogOf } from './kit/catalog.ts';
import { createMigrationFolders } from './kit/folders.ts';

const BEFORE = `
model Owner {
  id    String @id
  name  String? // @mysql:db.VarChar(100)
  state String
  pets  Pet[]
  cars  OldCar[]
  leases Lease[]

  @@index([state])
  @@map("pet_owners")
}

model Pet {
  id      String  @id
  ownerId String  @map("owner_id")
  tag     String? @map("pet_tag") // @mysql:db.VarChar(100)
  weight  Int
  note    String // @mysql:db.Text
  owner   Owner   @relation(fields: [ownerId], references: [id], onDelete: Cascade)

  @@index([ownerId, weight])
  @@unique([tag])
  @@map("small_pets")
}

model OldCar {
  id      String @id
  ownerId String @map("owner_id")
  owner   Owner  @relation(fields: [ownerId], references: [id], onDelete: Cascade)

  @@index([ownerId])
  @@map("old_cars")
}

model Lease {
  id      String @id
  ownerId String @map("owner_id")
  owner   Owner  @relation(fields: [ownerId], references: [id], onDelete: Cascade)

  @@index([ownerId])
  @@map("long_leases")
}
`;

const AFTER = `
model Owner {
  id       String   @id
  name     String? // @mysql:db.VarChar(200)
  nickName String   @default("none") @map("nick_name") // @mysql:db.VarChar(50)
  pets     Pet[]
  houses   House[]
  leases   Lease[]

  @@map("pet_owners")
}

model Pet {
  id      String  @id
  ownerId String  @map("owner_id")
  tag     String? @map("pet_tag") // @mysql:db.VarChar(100)
  weight  Int?
  note    String  @default("") // @mysql:db.VarChar(64)
  bornAt  BigInt? @map("born_at")
  owner   Owner   @relation(fields: [ownerId], references: [id], onDelete: Cascade)

  @@index([ownerId, bornAt])
  @@map("small_pets")
}

model Lease {
  id      String @id
  ownerId String @map("owner_id")
  owner   Owner  @relation(fields: [ownerId], references: [id], onDelete: Cascade)

  @@map("long_leases")
}

model House {
  id      String  @id
  ownerId String  @map("owner_id")
  sold    Boolean @default(false)
  owner   Owner   @relation(fields: [ownerId], references: [id])

  @@map("big_houses")
}
`;

const folders = createMigrationFolders();
afterAll(() => folders.remove());

describe.each(ENGINES)('a migration written for $name from two models', ({ engine, start }) => {
  let server: Server;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());

  async function catalogAfter(name: string, migrations: Readonly<Record<string, string>>): Promise<string[]> {
    const url = await server.createDatabase(name);
    await migrateDatabase(migrating(url, folders.make(migrations)));
    const database = await openDatabase({ url });
    try {
      return await catalogOf(database);
    } finally {
      await database.close();
    }
  }

  it('leads from the one to the other', async () => {
    const stepwise = await catalogAfter('stepwise', {
      '1_before': await migrationSql(engine, null, BEFORE),
      '2_after': await migrationSql(engine, BEFORE, AFTER),
    });
    const direct = await catalogAfter('direct', { '1_after': await migrationSql(engine, null, AFTER) });
    const withoutOrder = (lines: string[]) =>
      lines.map((line) => line.replaceAll(/"(seqno|pk)":\d+,?/g, '')).toSorted();
    expect(withoutOrder(stepwise)).toEqual(withoutOrder(direct));
  });

  it('is empty between a model and itself', async () => {
    expect(await migrationSql(engine, AFTER, AFTER)).toBe('');
  });
});

describe('the translation to MySQL', () => {
  const table = (lines: string) => `model Thing {\n  id String @id\n${lines}\n\n  @@map("big_things")\n}\n`;

  it('notices a note that changed alone', async () => {
    const sql = await migrationSql('mysql', table('  name String'), table('  name String // @mysql:db.VarChar(320)'));
    expect(sql).toBe('ALTER TABLE `big_things` MODIFY `name` VARCHAR(320) NOT NULL;\n');
  });

  it('drops an index from the table that has it', async () => {
    const sql = await migrationSql('mysql', table('  a_b Int\n\n  @@index([a_b])'), table('  a_b Int'));
    expect(sql).toBe('DROP INDEX `big_things_a_b_idx` ON `big_things`;\n');
  });

  it('refuses what it does not know, in place of guessing', async () => {
    const withEnum = `enum Colour {\n  RED\n}\n\n${table('  colour Colour')}`;
    await expect(migrationSql('mysql', null, withEnum)).rejects.toThrow(/mysql-ddl: .* not understood/);
    await expect(migrationSql('mysql', null, table('  price Decimal'))).rejects.toThrow(/column not understood/);
    await expect(migrationSql('mysql', null, table('  a String // @mysql:db.Json'))).rejects.toThrow(
      /native type not understood/,
    );
  });
});
