import type { Settings } from '../settings/module.ts';
import type { Challenge } from './challenge.ts';
import type { StoredPasskey } from './passkey.ts';

/** Where keys are good: this server's host, and pages of the origins that may use them. */
export interface RelyingParty {
  readonly host: string;
  expected(): { readonly expectedOrigin: string[]; readonly expectedRPID: string };
}

/** What a page hands to the browser, and what its form carries. */
export interface PasskeyRequest {
  /** Options of `navigator.credentials`, as JSON (WebAuthn §5.1.8). */
  readonly options: string;
  /** The challenge, sealed. */
  readonly challenge: string;
}

type UserVerification = Settings['mfa']['passkeys']['userVerification'];

/** Signatures that we can check, the best first: ES256, EdDSA, RS256. */
export const algorithms = [-7, -8, -257];

/** How long a browser waits for its person, in milliseconds. */
const timeout = 5 * 60 * 1000;

const named = (passkeys: readonly StoredPasskey[]) =>
  passkeys.map(({ credentialId: id, transports }) => ({ type: 'public-key', id, transports }));

/** Whose key is made: `name` is what the browser lists it under. */
export interface PasskeyOwner {
  readonly id: string;
  readonly name: string;
}

/** Asks the browser for a new key. Those that the person has are named, so that none is made twice. */
export function creationRequest(
  { challenge, sealed }: Challenge,
  about: { host: string; owner: PasskeyOwner; userVerification: UserVerification; existing: readonly StoredPasskey[] },
): PasskeyRequest {
  const { host, owner, userVerification, existing } = about;
  const options = {
    challenge,
    rp: { id: host, name: host },
    user: { id: Buffer.from(owner.id).toString('base64url'), name: owner.name, displayName: owner.name },
    pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key', alg })),
    timeout,
    excludeCredentials: named(existing),
    authenticatorSelection: { residentKey: 'preferred', userVerification },
    // Which make of key it is, is nobody's business here.
    attestation: 'none',
  };
  return { options: JSON.stringify(options), challenge: sealed };
}

/** Asks the browser for a signature: by one of these keys, or by whichever the person picks where none is named. */
export function signatureRequest(
  { challenge, sealed }: Challenge,
  about: { host: string; userVerification: UserVerification; allowed: readonly StoredPasskey[] },
): PasskeyRequest {
  const { host: rpId, userVerification, allowed } = about;
  const options = { challenge, rpId, timeout, userVerification, allowCredentials: named(allowed) };
  return { options: JSON.stringify(options), challenge: sealed };
}
