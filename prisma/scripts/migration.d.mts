import type { Engine } from '../../src/foundation/db/statement.ts';

/** The SQL of one engine between two models (null: an empty database); '' when nothing differs. */
export function migrationSql(engine: Engine, from: string | null, to: string): Promise<string>;

/** What every engine is missing between the snapshot and the models. */
export function pendingSql(): Promise<{ models: string; scripts: Record<Engine, string>; empty: boolean }>;
