import { byOperator } from '../../../src/features/audit/module.ts';
import { createEndings } from '../../../src/features/protocol/module.ts';
import type { AccountEndings } from '../../../src/features/users/module.ts';
import { createOutbox } from '../../../src/foundation/outbox/outbox.ts';
import type { Product } from '../../kit/product.ts';

/** What an operator's commands do beside the running product. */
export function operatorOf({ app, foundations }: Product) {
  const { users, clients, devices } = app.core;
  const outbox = createOutbox({ ...foundations, kinds: {} });
  const endings = createEndings({
    ...foundations,
    clients,
    notice: (notice) => outbox.put('logout', notice),
    alongside: (id) => [devices.forgetAll(id)],
  });
  const everything: AccountEndings = async (id, reason) => [
    ...(await endings.notices(id)),
    ...(await endings.ofAccount(id, reason)),
  ];
  return {
    disableUser: (id: string) => users.disable(id, byOperator, everything),
    enableUser: (id: string) => users.enable(id, byOperator, everything),
    signOutUser: (id: string) => users.signOut(id, byOperator, everything),
    disableClient: (id: string) => clients.disable(id, byOperator, (client) => endings.ofClient(client)),
    enableClient: (id: string) => clients.enable(id, byOperator, (client) => endings.ofClient(client)),
  };
}
