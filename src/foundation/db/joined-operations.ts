import { AsyncLocalStorage } from 'node:async_hooks';
import type { Operation } from './statement.ts';

/** The operations that commit together with a Prisma transaction. */
export interface JoinedOperations {
  /** Whether this is the transaction's own beginning, rather than a second one that was started within it. */
  readonly begin: () => boolean;
  readonly add: (operation: Operation) => void;
  /** Hands the operations over for the commit; what is added later is refused. */
  readonly seal: () => readonly Operation[];
}

const current = new AsyncLocalStorage<JoinedOperations>();

function createJoinedOperations(): JoinedOperations {
  const operations: Operation[] = [];
  let begun = false;
  let sealed = false;
  return {
    begin() {
      const first = !begun;
      begun = true;
      return first;
    },
    add(operation) {
      // Dropped in silence, an audit event would be missing from a change that is stored.
      if (sealed) throw new Error('the transaction has ended: operations must be handed over before `work` returns');
      operations.push(operation);
    },
    seal() {
      sealed = true;
      return operations;
    },
  };
}

/** What this call chain's transaction has collected; undefined outside `together`. */
export const currentTransaction = (): JoinedOperations | undefined => current.getStore();

/** Runs `work` as one transaction's call chain. Throws when called inside another one, which would wait for itself. */
export function withJoinedOperations<T>(work: (joined: JoinedOperations) => Promise<T>): Promise<T> {
  if (currentTransaction() !== undefined)
    throw new Error('together() inside together(): use the transaction that is open');
  const joined = createJoinedOperations();
  return current.run(joined, () => work(joined));
}
