import type { SqlQuery } from '@prisma/driver-adapter-utils';
import type { Value } from '../../statement.ts';
import type { Fault } from './fault.ts';

/** What passes between the main thread and the writer thread. Units travel as one JSON text per group: cheaper than a structured clone. */

/** `[statement number, must hit, ...parameters]` */
export type WireOperation = readonly [statement: number, mustHit: 0 | 1, ...params: Value[]];
export type WireUnit = readonly [operations: readonly WireOperation[], fallback: readonly WireOperation[]];
/** Statements the thread has not met yet, `[number, SQL]`, then the units. */
export type WireGroup = readonly [definitions: ReadonlyArray<readonly [number, string]>, units: readonly WireUnit[]];

/** 0: committed. n > 0: operation n - 1 had to hit a row and did not. */
export type WireOutcome = number | Fault;

export type Request =
  | { readonly do: 'group'; readonly group: string }
  | { readonly do: 'begin'; readonly lease: number; readonly limitMs: number }
  | { readonly do: 'statement'; readonly lease: number; readonly read: boolean; readonly query: SqlQuery }
  | { readonly do: 'savepoint'; readonly lease: number; readonly sql: string }
  | { readonly do: 'commit'; readonly lease: number; readonly group: string }
  | { readonly do: 'rollback'; readonly lease: number }
  | { readonly do: 'synchronous' }
  | { readonly do: 'close' };

export type Message = Request & { readonly id: number };

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly fault: Fault }
  | { readonly expired: number };
