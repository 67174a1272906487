import type { SettingsModule } from '../settings/module.ts';
import { type Backup, backupOf, type StoredPasskey } from './passkey.ts';
import { algorithms, type RelyingParty } from './request.ts';
import type { CreationResponse, SignatureResponse } from './response.ts';
import type { PasskeyUse } from './store.ts';

/** What a new key says of itself. */
export interface CreatedKey {
  readonly credentialId: string;
  /** COSE key in base64url. */
  readonly publicKey: string;
  readonly counter: number;
  readonly backup: Backup;
  readonly verified: boolean;
}

interface Parts {
  readonly relyingParty: RelyingParty;
  readonly settings: Pick<SettingsModule, 'current'>;
}

/** Loaded when the first key comes: it is large, and most starts never need it. */
const library = () => import('@simplewebauthn/server');

/**
 * The answer without its attestation, which was not asked for: a stranger's certificates must not be parsed, nor lists
 * be fetched from addresses that stand in them.
 */
async function withoutAttestation(answer: CreationResponse): Promise<CreationResponse> {
  const { decodeAttestationObject, isoCBOR } = await import('@simplewebauthn/server/helpers');
  const attested = decodeAttestationObject(
    Uint8Array.from(Buffer.from(answer.response.attestationObject, 'base64url')),
  );
  const plain = new Map<string, string | Map<string, never> | Uint8Array>([
    ['fmt', 'none'],
    ['attStmt', new Map<string, never>()],
    ['authData', attested.get('authData')],
  ]);
  const attestationObject = Buffer.from(isoCBOR.encode(plain)).toString('base64url');
  return { ...answer, response: { ...answer.response, attestationObject } };
}

const outcomeOf = <T>(work: Promise<T>): Promise<T | undefined> => work.catch(() => undefined);

/** Checks what browsers answer (WebAuthn §7). Everything that is wrong with an answer is the same to us: undefined. */
export function createCheckResponse(parts: Parts) {
  const isRequired = () => parts.settings.current().mfa.passkeys.userVerification === 'required';
  return {
    isRequired,
    created: createCheckCreation(parts.relyingParty, isRequired),
    signed: createCheckSignature(parts),
  };
}

/** Whether a key was made for our question, here. */
function createCheckCreation(relyingParty: RelyingParty, isRequired: () => boolean) {
  const verified = async (answer: CreationResponse, expectedChallenge: string) => {
    const { verifyRegistrationResponse } = await library();
    return verifyRegistrationResponse({
      response: await withoutAttestation(answer),
      expectedChallenge,
      ...relyingParty.expected(),
      requireUserVerification: isRequired(),
      supportedAlgorithmIDs: algorithms,
    });
  };
  return async (answer: CreationResponse, challenge: string): Promise<CreatedKey | undefined> => {
    // What can't be loaded is no fault of the answer.
    await library();
    const result = await outcomeOf(verified(answer, challenge));
    if (!result?.verified) return undefined;
    const { credential, credentialBackedUp, credentialDeviceType, userVerified } = result.registrationInfo;
    return {
      credentialId: credential.id,
      publicKey: Buffer.from(credential.publicKey).toString('base64url'),
      counter: credential.counter,
      backup: backupOf(credentialDeviceType, credentialBackedUp),
      verified: userVerified,
    };
  };
}

/** Whether this key has signed our question, here, and as itself. */
function createCheckSignature({ relyingParty }: Pick<Parts, 'relyingParty'>) {
  return async (
    passkey: StoredPasskey,
    response: SignatureResponse,
    expectedChallenge: string,
  ): Promise<PasskeyUse | undefined> => {
    const { verifyAuthenticationResponse } = await library();
    const publicKey = Uint8Array.from(Buffer.from(passkey.publicKey, 'base64url'));
    const result = await outcomeOf(
      verifyAuthenticationResponse({
        response,
        expectedChallenge,
        ...relyingParty.expected(),
        // The counter is looked at after the signature: only then does it tell of a copy.
        credential: { id: passkey.credentialId, publicKey, counter: 0 },
        requireUserVerification: false,
      }),
    );
    if (!result?.verified) return undefined;
    const { credentialBackedUp, credentialDeviceType, newCounter, userVerified } = result.authenticationInfo;
    const backup = backupOf(credentialDeviceType, credentialBackedUp);
    // Whether it may be copied never changes (WebAuthn §7.2, step 20).
    if ((backup === 'none') !== (passkey.backup === 'none')) return undefined;
    return { counter: newCounter, backup, verified: userVerified };
  };
}
