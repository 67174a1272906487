/** A process that migrates one database and prints what it applied: `migrate-process.ts URL`. */
import { migrateDatabase } from '../../../src/foundation/db/migrate.ts';
import { migrating } from '../../storage/kit/engines.ts';

process.stdout.write(JSON.stringify(await migrateDatabase(migrating(process.argv[2] ?? ''))));
