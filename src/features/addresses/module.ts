import type Router from '@koa/router';
import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { MessageKind, Outbox } from '../../foundation/outbox/outbox.ts';
import { exportedTime, type PersonalData } from '../users/module.ts';
import {
  type AddressRequest,
  type AnswerAddressRequestsParts,
  addressRequestKind,
  answerAddressRequests,
} from './answer-requests.ts';
import { type ChangeAddressParts, createChangeAddress } from './change-address.ts';
import { type AddressPagesParts, mountAddresses } from './pages.ts';
import { type AddressStore, createAddressStore } from './store.ts';

export { addressRequestKind } from './answer-requests.ts';

/**
 * Addresses owns changes of people's e-mail addresses: what was asked for, the link that confirms the new address, the
 * link with which the former one takes it back. The address itself is the users room's, and changes only when the new
 * one is confirmed. Who may ask is decided on the account's pages; what is held is ended by protocol.
 */
export interface Addresses {
  mount(router: Router): void;
  /** The operation that queues a person's wish for another address. It never tells whether somebody else has it. */
  request(request: AddressRequest): Operation;
  /**
   * Takes back what somebody else may have done to an address since a time (milliseconds): the one that it was before, if
   * it was changed, and the operation after which no link of theirs works.
   */
  disown(
    userId: string,
    since: number,
  ): Promise<{ readonly former: string | undefined; readonly operations: readonly Operation[] }>;
  readonly personal: PersonalData;
}

type Stored = { readonly database: Database; readonly clock: Clock };

/** How requests leave the outbox. Apart from the pages, because the outbox is there before they are. */
export const addressRequests = (parts: Omit<AnswerAddressRequestsParts, 'store'> & Stored): MessageKind =>
  answerAddressRequests({ ...parts, store: createAddressStore(parts) });

/** The operation that removes a batch of changes whose links ran out before the given time (milliseconds). */
export const sweepAddressChanges = (parts: Stored, before: number): Operation =>
  createAddressStore(parts).sweep(before);

export function createAddresses(
  parts: Omit<AddressPagesParts & ChangeAddressParts, 'change' | 'store'> & Stored & { outbox: Pick<Outbox, 'put'> },
): Addresses {
  const store = createAddressStore(parts);
  const change = createChangeAddress({ ...parts, store });
  return {
    mount: (router) => mountAddresses(router, { ...parts, change }),
    personal: { held: ({ id }) => changesHeld(store, id), erase: ({ id }) => [store.erase(id)] },
    disown: async (userId, since) => ({
      former: await store.formerSince(userId, since),
      operations: [store.voidAllSince(userId, since)],
    }),
    request: (request) => parts.outbox.put(addressRequestKind, request),
  };
}

async function changesHeld(store: AddressStore, userId: string) {
  const changes = (await store.confirmedOf(userId)).map((row) => ({
    former_email: row.former_email,
    email: row.email,
    changed_at: exportedTime(row.confirmed_at),
    undone_at: exportedTime(row.undone_at ?? undefined),
  }));
  return { address_changes: changes };
}
