import type Provider from 'oidc-provider';
import { type Clock, epochSeconds } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';

interface ReplayModel {
  find(id: string): Promise<unknown>;
  instantiate(payload: { jti: string; iss: string }): { save(ttl: number): Promise<unknown> };
  unique(issuer: string, jti: string, expiresAt: number): Promise<boolean>;
}

/**
 * Makes the memory of used assertions safe against races. The library looks, then saves, so that two racers with one
 * assertion both pass; here the save is an insert that must be the first (store `saveOnce`), and the loser's unit gets
 * `invalid_client`. The pair is hashed as JSON: a plain joint of both would let one issuer collide with another's `jti`.
 */
export function once(provider: Provider, clock: Clock): void {
  const model = provider.ReplayDetection as unknown as ReplayModel;
  model.unique = async function unique(this: ReplayModel, issuer, jti, expiresAt) {
    const id = sha256(JSON.stringify([issuer, jti]));
    if (await this.find(id)) return false;
    await this.instantiate({ jti: id, iss: issuer }).save(Math.max(1, expiresAt - epochSeconds(clock)));
    return true;
  };
}
