import { Worker } from 'node:worker_threads';
import { DriverAdapterError } from '@prisma/driver-adapter-utils';
import { storeError } from '../../errors.ts';
import type { Answer, Request } from './wire.ts';

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

export interface LineOptions {
  readonly file: string;
  readonly busyMs: number;
  /** Told the lease that the thread has taken back. */
  readonly onExpired: (lease: number) => void;
}

/** Messages to and from the writer thread: each call has one answer, and all of them fail when the thread is gone. */
export class ThreadLine {
  readonly #thread: Worker;
  readonly #calls = new Map<number, Call>();
  readonly #onExpired: (lease: number) => void;
  #last = 0;
  #gone: unknown;
  /** Resolves when the thread has ended. */
  readonly exited: Promise<void>;

  constructor({ file, busyMs, onExpired }: LineOptions) {
    // Beside this file, as TypeScript from the sources or as JavaScript from the build.
    const entry = new URL(`./writer-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
    this.#thread = new Worker(entry, { workerData: { file, busyMs } });
    this.#onExpired = onExpired;
    this.#thread.on('message', (answer: Answer) => this.#settle(answer));
    this.#thread.on('error', (error) => this.#fail(storeError('store_unavailable', error)));
    this.exited = new Promise((resolve) => {
      this.#thread.once('exit', () => {
        this.#fail(storeError('store_unavailable', 'the writer has closed'));
        resolve();
      });
    });
  }

  get isGone(): boolean {
    return this.#gone !== undefined;
  }

  /** Asks the thread. Rejects with a DriverAdapterError, or with `store_unavailable` when the thread is gone. */
  call<T>(request: Request): Promise<T> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    return new Promise<T>((resolve, reject) => {
      const id = ++this.#last;
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#thread.postMessage({ ...request, id });
    });
  }

  #settle(answer: Answer): void {
    if ('expired' in answer) {
      this.#onExpired(answer.expired);
      return;
    }
    const call = this.#calls.get(answer.id);
    this.#calls.delete(answer.id);
    if ('fault' in answer) call?.reject(new DriverAdapterError(answer.fault));
    else call?.resolve(answer.value);
  }

  #fail(reason: unknown): void {
    this.#gone ??= reason;
    for (const call of this.#calls.values()) call.reject(this.#gone);
    this.#calls.clear();
  }
}
