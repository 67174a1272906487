import { hmacSha256, sha256 } from '../../foundation/crypto/hash.ts';
import type { KeyRing, Place } from '../../foundation/crypto/key-ring.ts';
import { timeMarkIn } from './token-time.ts';

/** What the library stores: a flat object with the id in `jti`. */
export type Payload = Record<string, unknown> & { jti?: string };

/** Kinds whose payload holds another secret (a cookie value, a user code, a request): encrypted as a whole. */
const sealedKinds = new Set([
  'Session',
  'Interaction',
  'DeviceCode',
  'PushedAuthorizationRequest',
  'BackchannelAuthenticationRequest',
]);

/** Turns payloads into what the table holds and back. */
export interface PayloadCodec {
  /** The row's key: a hash of the id, so that a copy of the database holds nothing that can be presented. */
  keyOf(kind: string, id: string): string;
  /** How a device's user code is looked up: an HMAC, as 8 letters could be guessed from a plain hash. */
  userCodeKey(userCode: string): string;
  encode(kind: string, key: string, payload: Payload): string;
  /** The payload with the presented id put back, or as stored where the look-up was not by id. */
  decode(kind: string, key: string, stored: string, id: string | undefined): Payload;
}

/** Texts that are kept opened: a sign-in reads the same interaction and session at each of its steps. */
const openedLimit = 2000;

/**
 * What sealed texts hold, by their row and themselves: one that was copied into another row must not open there. Only
 * the decryption is remembered: the row is read each time, so that whether a record is alive and which text it holds
 * now is the database's to say.
 */
function createOpened() {
  const rows = new Map<string, { readonly sealed: string; readonly text: string }>();
  return {
    get(row: string, sealed: string): string | undefined {
      const known = rows.get(row);
      return known?.sealed === sealed ? known.text : undefined;
    },
    set(row: string, sealed: string, text: string): void {
      rows.delete(row);
      rows.set(row, { sealed, text });
      for (const oldest of rows.keys()) {
        if (rows.size <= openedLimit) break;
        rows.delete(oldest);
      }
    },
  };
}

/** The codec over the given key ring. */
export function createPayloadCodec(keyRing: KeyRing): PayloadCodec {
  const opened = createOpened();
  const open = (sealed: string, place: Place): string => {
    const known = opened.get(place.row, sealed);
    if (known !== undefined) return known;
    const text = keyRing.open(sealed, place).toString();
    opened.set(place.row, sealed, text);
    return text;
  };
  const seal = (text: string, place: Place): string => {
    const sealed = keyRing.seal(text, place);
    opened.set(place.row, sealed, text);
    return sealed;
  };
  const userCodes = keyRing.derive('device user codes');
  const place = (row: string) => ({ table: 'artifacts', column: 'payload', row });
  return {
    keyOf: (kind, id) => `${kind}:${timeMarkIn(kind, id)}${sha256(id)}`,
    userCodeKey: (userCode) => hmacSha256(userCodes, userCode),
    encode(kind, key, payload) {
      if (sealedKinds.has(kind)) return seal(JSON.stringify(payload), place(key));
      const { jti: _withheld, ...rest } = payload;
      return JSON.stringify(rest);
    },
    decode(kind, key, stored, id) {
      const text = sealedKinds.has(kind) ? open(stored, place(key)) : stored;
      const payload = JSON.parse(text) as Payload;
      if (id !== undefined) payload.jti = id;
      return payload;
    },
  };
}
