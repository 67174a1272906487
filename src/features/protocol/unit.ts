import { AsyncLocalStorage } from 'node:async_hooks';
import type { Operation, Statement, Value } from '../../foundation/db/statement.ts';
import { AppError } from '../../foundation/errors.ts';
import type { Place } from '../../foundation/geo/place.ts';
import type { ClientHints } from '../../foundation/http/client-hints.ts';
import type { AuditEvent } from '../audit/module.ts';
import { type Loss, losses } from './losses.ts';

/**
 * The order in which a unit's operations run. Every unit takes its locks in this order and, within a rank, sorted by
 * key, so that two units never wait for each other in a circle (OIDC-provider revocation against refresh did).
 */
export const ranks = {
  session: 0,
  grant: 1,
  once: 2,
  consume: 3,
  row: 4,
  ending: 5,
  denial: 6,
  outbox: 7,
  audit: 8,
} as const;

export type Rank = keyof typeof ranks;

/** What a store hands to the unit of the request it works for. */
export interface Entry {
  readonly rank: Rank;
  /** The row it touches. A later entry of the same rank, statement and key replaces the former one. */
  readonly key: string;
  readonly statement: Statement;
  readonly params: readonly Value[];
  /** The answer if it touches no row. Without it the operation may miss. */
  readonly loss?: Loss;
  /** Whether it hands out something new: dropped when the answer is a refusal. */
  readonly issues?: boolean;
}

/** A payload the library stored in this request and will read back before it is committed; null once destroyed. */
export type Pending = Readonly<Record<string, unknown>> | null;

/** The browser that a request came from, as far as it is told. */
export interface Origin {
  /** What it is called for the person. */
  readonly device?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly address?: string | undefined;
  /** What else the browser says of itself. */
  readonly hints?: ClientHints | undefined;
  /** Where the address is. */
  readonly place?: Place | undefined;
}

/** How and when the person behind a token proved who they are. */
export interface SignInFacts {
  readonly acr?: string | undefined;
  /** In seconds. */
  readonly authTime?: number | undefined;
}

/**
 * The writes of one request. They are collected while the library works and committed as one after it has answered
 * and before anything is sent; reads within the request see them.
 */
export class UnitOfWork {
  /** When the request began, in milliseconds: what was consumed later is a racer's, not a replay. */
  readonly startedAt: number;
  /** By artifact key. */
  readonly pending = new Map<string, Pending>();
  /** Artifact id by `uid:…` or `code:…`, for look-ups that do not go by id. */
  readonly lookups = new Map<string, string>();
  /** Grants whose family this unit ends. */
  readonly endedGrants = new Set<string>();
  /** Why it ends sessions, for statistics. */
  endReason: 'sign_out' | 'account' | 'limit' | 'password' | 'provider' = 'sign_out';
  /** Session uids that this unit ends, unless it also saves them (a rotation). */
  readonly endedSessions = new Set<string>();
  /** Which client a token found in this request belongs to, by artifact key. */
  readonly clientOf = new Map<string, string>();
  /** Tokens in JWT form that this request presented, by the handle that stands for them. */
  readonly presented = new Map<string, PresentedToken>();
  /** Run once the unit is committed: metrics, news for caches. Nothing leaves the process earlier. */
  readonly afterCommit: (() => void)[] = [];
  /** What the doors of this request have to tell; what the library did is added from its context. */
  readonly events: AuditEvent[] = [];
  /** What each session's clients were when this request read it, as JSON by client id, by the session's uid. */
  readonly sessionParts = new Map<string, Readonly<Record<string, string>>>();
  /** Grants that this request read together with what was issued under them, by id. */
  readonly grants = new Map<string, GrantState>();
  /** When the signed-in session that came with the request began, in seconds. */
  sessionBegan: number | undefined;
  /** Whether that session outlasts its browser. */
  sessionStays: boolean | undefined;
  /** The sign-in that tokens are issued for, where the library has no context that says so. */
  issuesFor: SignInFacts | undefined;
  /** Where this request comes from. */
  address: () => string | undefined = () => undefined;
  /** Which browser this request comes from, for the account. Asked only where a sign-in is stored. */
  origin: (accountId: string) => Origin = () => ({});
  closed = false;
  readonly #entries = new Map<string, Entry>();

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  add(entry: Entry): void {
    this.#entries.set(`${entry.statement.name} ${entry.key}`, entry);
  }

  /** Takes along an operation of another room; with a loss, the unit fails when it touches no row. */
  join(operation: Operation, loss?: Loss): void {
    const { statement, params } = operation;
    const key = JSON.stringify(params);
    this.add(loss ? { rank: 'row', key, statement, params, loss } : { rank: 'row', key, statement, params });
  }

  /** Takes along what a step of a person changes. Where an operation must hit, whoever comes second has taken no step. */
  joinStep(operations: readonly Operation[], rank: Rank = 'row'): void {
    for (const { statement, params, mustHit } of operations) {
      const loss = mustHit ? { loss: losses.interaction } : {};
      this.add({ rank, key: JSON.stringify(params), statement, params, ...loss });
    }
  }

  has(statement: Statement, key: string): boolean {
    return this.#entries.has(`${statement.name} ${key}`);
  }

  /** Takes back an entry that another one has made needless. */
  drop(statement: Statement, key: string): void {
    this.#entries.delete(`${statement.name} ${key}`);
  }

  /** Whether any row is written by this statement. */
  wrote(statement: Statement): boolean {
    return [...this.#entries.values()].some((entry) => entry.statement === statement);
  }

  /** Takes back what would hand out something new. */
  dropIssued(): void {
    for (const [name, entry] of this.#entries) if (entry.issues) this.#entries.delete(name);
  }

  /** The entries in lock order. */
  ordered(): readonly Entry[] {
    const byKey = (a: Entry, b: Entry) => (a.key === b.key ? 0 : a.key < b.key ? -1 : 1);
    return [...this.#entries.values()].sort((a, b) => ranks[a.rank] - ranks[b.rank] || byKey(a, b));
  }
}

/** A grant as it was read. */
export interface GrantState {
  readonly payload: string;
  readonly ended_at: number | null;
}

/** A JWT that a caller presented at introspection or revocation; verified when the library first asks for it. */
export interface PresentedToken {
  readonly value: string;
  claims?: Readonly<Record<string, unknown>> | undefined;
  verified: boolean;
}

const storage = new AsyncLocalStorage<UnitOfWork>();

/** The unit of the request that is being served, while it is still collecting. */
export function currentUnit(): UnitOfWork | undefined {
  const unit = storage.getStore();
  return unit?.closed ? undefined : unit;
}

/** The current unit. Throws `store_unavailable` outside of a request: nothing would ever commit what is to be written. */
export function requireUnit(): UnitOfWork {
  const unit = currentUnit();
  if (!unit) throw new AppError('store_unavailable', 503, 'A protocol record was written outside a unit of work.');
  return unit;
}

/** Runs `work` with `unit` as the current one. */
export const runInUnit = <T>(unit: UnitOfWork, work: () => Promise<T>): Promise<T> => storage.run(unit, work);

/** An entry as the database takes it. */
export const operationOf = (entry: Entry): Operation => ({
  statement: entry.statement,
  params: entry.params,
  mustHit: entry.loss !== undefined,
});
