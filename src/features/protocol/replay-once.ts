import { decodeJwt } from 'jose';
import Provider, { errors } from 'oidc-provider';
import { type Clock, epochSeconds } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { losses } from './losses.ts';
import { routes } from './routes.ts';

/** What was used up, as the adapter's record says it. */
export const replays = {
  assertion: 'assertion',
  proof: 'proof',
  proofAtApi: 'proof at an API',
  request: 'request object',
} as const;

type Replay = (typeof replays)[keyof typeof replays];

interface ReplayModel {
  find(id: string): Promise<unknown>;
  instantiate(payload: { jti: string; iss: Replay }): { save(ttl: number): Promise<unknown> };
  unique(clientId: string, jti: string, expiresAt: number): Promise<boolean>;
}

/**
 * How much longer a DPoP proof is remembered than the library asks for, in seconds: it takes proofs whose `iat` lies up
 * to five minutes ahead (helpers/validate_dpop.js), which are good for ten, and remembers all for five.
 */
const aheadSeconds = 300;

/**
 * Makes the memory of used assertions and DPoP proofs safe against races. The library looks, then saves, so that two
 * racers with one of them both pass; here the save is an insert that must be the first (store `saveOnce`), and the
 * loser's unit gets the refusal. What was used and by whom are hashed as JSON: a plain joint would let one client
 * collide with another's `jti`, and a client that counts both with one counter is not refused for it.
 */
export function once(provider: Provider, clock: Clock): void {
  const model = provider.ReplayDetection as unknown as ReplayModel;
  const asserted = new WeakSet<object>();
  model.unique = async function unique(this: ReplayModel, clientId, jti, expiresAt) {
    const used = usedIn(asserted);
    const isAssertion = used === replays.assertion;
    const id = sha256(JSON.stringify(isAssertion ? [clientId, jti] : ['dpop', clientId, jti]));
    if (await this.find(id)) return false;
    const until = isAssertion ? expiresAt : expiresAt + aheadSeconds;
    await this.instantiate({ jti: id, iss: used }).save(Math.max(1, until - epochSeconds(clock)));
    return true;
  };
}

interface PushedModel {
  readonly prototype: { save(ttl?: number): Promise<string> };
}

/**
 * Takes a request object that names itself (`jti`) once, where it is pushed: by then its signature and all that it asks
 * for have been found right, so that nobody uses up another's. In an address it may come again, as people reload pages.
 */
export function pushOnce(provider: Provider, clock: Clock): void {
  const replay = provider.ReplayDetection as unknown as ReplayModel;
  const { prototype } = provider.PushedAuthorizationRequest as unknown as PushedModel;
  const save = prototype.save;
  prototype.save = async function saveOnce(this: PushedModel['prototype'] & { readonly request?: string }, ttl) {
    const { iss, jti, exp = 0 } = decodeJwt(this.request ?? '');
    if (jti !== undefined) {
      const id = sha256(JSON.stringify([replays.request, iss, jti]));
      if (await replay.find(id)) throw new errors.InvalidRequestObject(losses.requestObject.description);
      await replay.instantiate({ jti: id, iss: replays.request }).save(Math.max(1, exp - epochSeconds(clock)));
    }
    return save.call(this, ttl);
  };
}

/** The library does not say what it asks for: a client proves who it is first, and what it holds afterwards. */
function usedIn(asserted: WeakSet<object>): Replay {
  const { ctx } = Provider;
  const isAsserted = ctx?.oidc.params?.['client_assertion'] !== undefined;
  if (ctx && isAsserted && !asserted.has(ctx)) {
    asserted.add(ctx);
    return replays.assertion;
  }
  return ctx?.path === routes.userinfo ? replays.proofAtApi : replays.proof;
}
