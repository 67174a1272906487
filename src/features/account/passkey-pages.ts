import type Router from '@koa/router';
import type { Context } from 'koa';
import { field, seeOther } from '../../foundation/http/door.ts';
import { currentUnit, multiFactor } from '../protocol/module.ts';
import { ownEvent } from './events.ts';
import { showCodes } from './factor-pages.ts';
import { type AccountPagesParts, passkeyPlaceOf, showAccount } from './pages.ts';
import type { Visitor } from './visitor.ts';
import { arrive, arriveFresh, inform, tell } from './visitor-pages.ts';

/** Mounts what people do to their passkeys. Adding one needs a fresh sign-in; a name does not. */
export function mountPasskeys(router: Router, parts: AccountPagesParts): void {
  // By way of the front door, where the last sign-in is too long ago to add one at once.
  router.get('/account/passkeys/add', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'passkeys');
    if (visitor) seeOther(ctx, '/account#passkeys');
  });

  router.post('/account/passkeys', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'passkeys');
    if (visitor) await add(ctx, parts, visitor);
  });

  router.post('/account/passkeys/rename', async (ctx) => {
    const visitor = await arrive(ctx, parts);
    const passkey = visitor && (await passkeyOf(ctx, parts, visitor));
    if (!passkey) return seeOther(ctx, '/account');
    currentUnit()?.joinStep([parts.passkeys.rename(visitor.user.id, passkey.id, field(ctx, 'name'))]);
    tell(ownEvent(visitor.user, 'factor.renamed', { method: 'passkey', passkey: passkey.id }));
    seeOther(ctx, '/account?done=passkey-renamed');
  });
}

/** The person's own passkey that the form is about. */
export async function passkeyOf(ctx: Context, { passkeys }: AccountPagesParts, { user }: Visitor) {
  const id = field(ctx, 'passkey');
  return (await passkeys.list(user.id)).find((one) => one.id === id);
}

const statuses = { missing: 400, expired: 400, wrong: 401, taken: 409 } as const;

async function add(ctx: Context, parts: AccountPagesParts, visitor: Visitor): Promise<void> {
  const { mfa, passkeys, sessions } = parts;
  const form = {
    challenge: field(ctx, 'challenge'),
    credential: field(ctx, 'credential'),
    name: field(ctx, 'name'),
  };
  const outcome = await passkeys.enrolment.confirm(passkeyPlaceOf(visitor), form);
  if (outcome.kind !== 'enrolled') {
    const { kind } = outcome;
    return showAccount(ctx, parts, visitor, { passkeyProblem: kind, status: statuses[kind] });
  }
  currentUnit()?.joinStep(outcome.operations);
  tell(ownEvent(visitor.user, 'factor.added', { method: 'passkey', passkey: outcome.id }));
  inform(ctx, parts, visitor, { kind: 'factor-added', method: 'passkey' });
  const isFirst = !(await mfa.has(visitor.user.id));
  // The key was used in this very session: it would be asked for again on the next page.
  await sessions.raise(ctx, { amr: [...outcome.methods, 'mfa'], acr: multiFactor });
  if (!isFirst) {
    currentUnit()?.joinStep([parts.devices.forgetAll(visitor.user.id)]);
    return seeOther(ctx, '/account?done=passkey-added');
  }
  const { codes, operations } = mfa.newRecoveryCodes(visitor.user.id);
  currentUnit()?.joinStep(operations);
  showCodes(ctx, parts, codes);
}
