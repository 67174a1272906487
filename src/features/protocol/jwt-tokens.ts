import {
  constants,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  type VerifyKeyObjectInput,
  verify,
} from 'node:crypto';
import type { Clock } from '../../foundation/clock.ts';
import { longestTokenLifetime } from '../settings/module.ts';
import type { Payload } from './payload.ts';
import { type GrantRow, type ProtocolStore, writes } from './store.ts';
import type { PresentedToken, UnitOfWork } from './unit.ts';

/** A public signing key as it is published. */
export interface PublishedKey {
  readonly kid: string;
  readonly alg: string;
  /** The same object for as long as the key is in memory. */
  readonly publicJwk: JsonWebKey;
}

export interface JwtTokensOptions {
  readonly issuer: string;
  readonly clock: Clock;
  readonly store: ProtocolStore;
  /** All keys whose tokens may still live: current and retired. */
  readonly publishedKeys: () => readonly PublishedKey[];
}

/** Claims of an access token that we signed (RFC 9068 §2.2), plus the reference to its grant. */
type Claims = Record<string, unknown> & { jti: string; exp: number; iat: number };

/**
 * JWT access tokens at introspection and revocation. The library refuses them there (shared/reject_structured_tokens.js),
 * so a pre-step swaps the JWT for a handle, and the adapter verifies it here when the library looks the handle up:
 * after client authentication, so that strangers cost no signature check.
 */
export interface JwtTokens {
  /** The payload of the token behind the handle if it is ours, of this kind, valid and not denied. */
  find(unit: UnitOfWork, handle: string, kind: string): Promise<Payload | undefined>;
  /** Denies the JWT that the library wants destroyed. False when `jti` names no JWT of this request. */
  deny(unit: UnitOfWork, jti: string): boolean;
  /** Denies every JWT issued under the grant up to now. */
  denyGrant(unit: UnitOfWork, grantId: string): void;
}

/** The longest an access token may live, in milliseconds: how long a denial is kept. */
export const longestAccessTokenMs = longestTokenLifetime * 1000;

const shape = /^[\w-]+\.[\w-]+\.[\w-]+$/;

interface Verification {
  readonly hash: string | null;
  /** Characters of base64url. */
  readonly signatureLength: number;
  readonly options?: Pick<VerifyKeyObjectInput, 'dsaEncoding' | 'padding' | 'saltLength'>;
}

/** RFC 7518 §3.5: the salt is as long as the hash. */
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const algorithms: Readonly<Record<string, Verification>> = {
  ES256: { hash: 'sha256', signatureLength: 86, options: { dsaEncoding: 'ieee-p1363' } },
  RS256: { hash: 'sha256', signatureLength: 342 },
  PS256: { hash: 'sha256', signatureLength: 342, options: pss },
  EdDSA: { hash: null, signatureLength: 86 },
};

/** The keeper of JWT access tokens for one issuer. */
export function createJwtTokens(options: JwtTokensOptions): JwtTokens {
  const { clock, store } = options;
  const denial = (unit: UnitOfWork, key: string, until: number) =>
    unit.add({ rank: 'denial', key, statement: writes.deny, params: [key, clock.now(), until] });
  return {
    async find(unit, handle, kind) {
      const token = unit.presented.get(handle);
      const claims = token && verifiedClaims(token, options);
      if (!claims || kind !== kindOf(claims)) return undefined;
      const grant = kind === 'AccessToken' ? await store.grantByReference(String(claims['gref'])) : undefined;
      if (kind === 'AccessToken' && (!grant || grant.ended_at !== null)) return undefined;
      return (await isDenied(store, claims, grant?.id)) ? undefined : payloadOf(claims, kind, grant);
    },
    deny(unit, jti) {
      for (const token of unit.presented.values()) {
        if (token.claims?.['jti'] !== jti) continue;
        denial(unit, `jti:${jti}`, Number(token.claims['exp']) * 1000);
        return true;
      }
      return false;
    },
    denyGrant: (unit, grantId) => denial(unit, `grant:${grantId}`, clock.now() + longestAccessTokenMs),
  };
}

/** A token that names a grant was issued for a person. */
const kindOf = (claims: Claims): string => (typeof claims['gref'] === 'string' ? 'AccessToken' : 'ClientCredentials');

/** Whether the token, or everything that its grant or client had been issued up to a moment, was denied. */
async function isDenied(store: ProtocolStore, claims: Claims, grantId: string | undefined): Promise<boolean> {
  const keys = [`jti:${claims.jti}`, `grant:${grantId ?? ''}`, `client:${String(claims['client_id'])}`] as const;
  const [own, ...shared] = keys;
  const denials = await store.denials(keys);
  // `iat` is in whole seconds: a token of the same second counts as issued before the denial.
  return denials.has(own) || shared.some((key) => claims.iat * 1000 <= (denials.get(key) ?? Number.NEGATIVE_INFINITY));
}

/** Whose it is its grant says: its `sub` may be one that only this client's sector knows. */
function payloadOf(claims: Claims, kind: string, grant: GrantRow | undefined): Payload {
  const { iss: _iss, sub: _sub, iat, exp, jti, aud, scope, client_id: clientId, cnf, gref: _gref, ...rest } = claims;
  const { authorization_details: rar, ...extra } = rest;
  return {
    kind,
    jti,
    iat,
    exp,
    aud,
    scope,
    clientId,
    ...(grant === undefined ? {} : { accountId: accountOf(grant), grantId: grant.id }),
    extra,
    ...(rar === undefined ? {} : { rar }),
    ...(typeof cnf === 'object' ? cnf : {}),
  };
}

const accountOf = ({ payload }: GrantRow): unknown => (JSON.parse(payload) as Payload)['accountId'];

function verifiedClaims(token: PresentedToken, options: JwtTokensOptions): Claims | undefined {
  if (!token.verified) {
    token.verified = true;
    token.claims = check(token.value, options);
  }
  return token.claims as Claims | undefined;
}

/** RFC 9068 §4, for tokens of our own issue. */
function check(value: string, options: JwtTokensOptions): Claims | undefined {
  // Node's base64url decoder is lenient: the shape makes one token have one spelling.
  if (!shape.test(value)) return undefined;
  const [head = '', body = '', signature = ''] = value.split('.');
  const header = parse(head);
  const claims = parse(body);
  if (!header || !claims || !isSignedByUs(header, { data: `${head}.${body}`, signature }, options)) return undefined;
  return isCurrent(claims, options) ? claims : undefined;
}

interface Signed {
  readonly data: string;
  readonly signature: string;
}

function isSignedByUs(header: Json, { data, signature }: Signed, { publishedKeys }: JwtTokensOptions): boolean {
  // An id_token or a logout token carries our signature too; only `at+jwt` is an access token (RFC 9068 §2.1).
  if (header['typ'] !== 'at+jwt' || header['crit'] !== undefined) return false;
  const algorithm = algorithms[String(header['alg'])];
  const key = publishedKeys().find(({ kid, alg }) => kid === header['kid'] && alg === header['alg']);
  if (!algorithm || !key || signature.length !== algorithm.signatureLength) return false;
  const { hash, options } = algorithm;
  const input = { key: keyObjectOf(key), ...options };
  return verify(hash, Buffer.from(data), input, Buffer.from(signature, 'base64url'));
}

function isCurrent(claims: Json, { issuer, clock }: JwtTokensOptions): claims is Claims {
  const { iss, exp, iat, jti } = claims;
  if (typeof exp !== 'number' || typeof iat !== 'number' || typeof jti !== 'string') return false;
  return iss === issuer && exp * 1000 > clock.now();
}

/** Parsed once for as long as the keys stay in memory. */
const keyObjects = new WeakMap<object, KeyObject>();

function keyObjectOf({ publicJwk }: PublishedKey): KeyObject {
  const known = keyObjects.get(publicJwk);
  if (known) return known;
  const key = createPublicKey({ key: publicJwk, format: 'jwk' });
  keyObjects.set(publicJwk, key);
  return key;
}

type Json = Record<string, unknown>;

function parse(part: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}
