import { createOutbox } from '../../../src/foundation/outbox/outbox.ts';
import type { Product } from '../../kit/product.ts';

/** Delivers what is due, as the job does every second. */
export const deliverDue = ({ app, foundations }: Product): Promise<void> =>
  createOutbox({
    ...foundations,
    kinds: { logout: app.protocol.logoutNotices, ping: app.protocol.pings },
  }).deliverDue();
