import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isoCBOR } from '@simplewebauthn/server/helpers';

/** What a page asks a browser for, as its form carries it. */
interface Options {
  readonly challenge: string;
  readonly rp?: { readonly id: string };
  readonly rpId?: string;
  readonly user?: { readonly id: string };
  readonly allowCredentials?: readonly { readonly id: string }[];
}

/** What a test bends: a page of another origin, a key for another host, a counter that goes back. */
export interface Bend {
  readonly origin?: string;
  readonly rpId?: string;
  readonly counter?: number;
  readonly verified?: boolean;
  readonly challenge?: string;
  readonly userHandle?: string | undefined;
  /** Brings an attestation, which is worth nothing. */
  readonly attested?: boolean;
  /** Signs with a key of its own instead. */
  readonly forged?: boolean;
}

interface Key {
  readonly id: Buffer;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly userHandle: string;
}

const hash = (data: Buffer | string): Buffer => createHash('sha256').update(data).digest();
const flags = { present: 1, verified: 4, eligible: 8, backedUp: 16, attested: 64 };

/**
 * A passkey in software (WebAuthn Level 3): one ES256 key, which counts its signatures like a security key, or is synced
 * and counts nothing.
 */
export class Authenticator {
  readonly #origin: string;
  readonly #synced: boolean;
  readonly #verifies: boolean;
  #key: Key | undefined;
  #counter = 0;

  constructor(origin: string, { synced = false, verifies = true }: { synced?: boolean; verifies?: boolean } = {}) {
    this.#origin = origin;
    this.#synced = synced;
    this.#verifies = verifies;
  }

  /** Its credential id, as browsers name it. */
  get id(): string {
    return this.#key?.id.toString('base64url') ?? '';
  }

  /** Makes a key and answers as `navigator.credentials.create` does, as JSON. */
  create(options: string, bend: Bend = {}): string {
    const { challenge, rp, user } = JSON.parse(options) as Options;
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key ??= { id: randomBytes(32), privateKey, publicKey, userHandle: user?.id ?? '' };
    const { id } = this.#key;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(id.length);
    const attested = Buffer.concat([Buffer.alloc(16), length, id, Buffer.from(isoCBOR.encode(this.#cose()))]);
    const authData = Buffer.concat([this.#data(bend.rpId ?? rp?.id ?? '', bend, flags.attested), attested]);
    const attestation = new Map<string, unknown>([
      // Nobody asked for it, so nobody may look at it.
      ['fmt', bend.attested ? 'packed' : 'none'],
      ['attStmt', new Map(bend.attested ? [['alg', -7]] : [])],
      ['authData', new Uint8Array(authData)],
    ]);
    return this.#answer({
      clientDataJSON: this.#clientData('webauthn.create', challenge, bend).toString('base64url'),
      attestationObject: Buffer.from(isoCBOR.encode(attestation as never)).toString('base64url'),
      transports: ['internal'],
    });
  }

  /** Signs and answers as `navigator.credentials.get` does, as JSON. */
  get(options: string, bend: Bend = {}): string {
    const { challenge, rpId } = JSON.parse(options) as Options;
    if (!this.#key) throw new Error('no key was made');
    if (!this.#synced) this.#counter += 1;
    const authData = this.#data(bend.rpId ?? rpId ?? '', bend, 0);
    const clientData = this.#clientData('webauthn.get', challenge, bend);
    const key = bend.forged ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey : this.#key.privateKey;
    const signature = sign('sha256', Buffer.concat([authData, hash(clientData)]), key);
    return this.#answer({
      clientDataJSON: clientData.toString('base64url'),
      authenticatorData: authData.toString('base64url'),
      signature: signature.toString('base64url'),
      userHandle: 'userHandle' in bend ? bend.userHandle : this.#key.userHandle,
    });
  }

  #answer(response: object): string {
    return JSON.stringify({ id: this.id, rawId: this.id, type: 'public-key', response, clientExtensionResults: {} });
  }

  #data(rpId: string, { counter = this.#counter, verified = this.#verifies }: Bend, more: number): Buffer {
    const backup = this.#synced ? flags.eligible | flags.backedUp : 0;
    const tail = Buffer.alloc(5);
    tail.writeUInt8(flags.present | (verified ? flags.verified : 0) | backup | more);
    tail.writeUInt32BE(counter, 1);
    return Buffer.concat([hash(rpId), tail]);
  }

  #clientData(type: string, challenge: string, bend: Bend): Buffer {
    const { origin = this.#origin } = bend;
    return Buffer.from(JSON.stringify({ type, challenge: bend.challenge ?? challenge, origin, crossOrigin: false }));
  }

  /** The public key as COSE has it: EC2, ES256, P-256. */
  #cose(): Map<number, number | Uint8Array> {
    const { x = '', y = '' } = this.#key?.publicKey.export({ format: 'jwk' }) ?? {};
    const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));
    return new Map<number, number | Uint8Array>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, bytes(x)],
      [-3, bytes(y)],
    ]);
  }
}
