import { z } from 'zod';

/** Longer than anything a browser sends: a credential id has at most 1023 bytes, an RSA key a few hundred. */
const longest = 32_768;
const base64url = z
  .string()
  .max(longest)
  .regex(/^[\w-]+$/);
const credentialId = base64url.max(1364);

const knownTransports = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'] as const;
type Transport = (typeof knownTransports)[number];

const common = { id: credentialId, rawId: credentialId, type: z.literal('public-key') };

const creation = z
  .object({
    ...common,
    response: z.object({
      clientDataJSON: base64url,
      attestationObject: base64url,
      transports: z.array(z.string()).max(16).default([]),
    }),
  })
  .transform(({ response, ...rest }) => {
    const transports = knownTransports.filter((one) => response.transports.includes(one));
    return { ...rest, clientExtensionResults: {}, response: { ...response, transports } };
  });

const signature = z
  .object({
    ...common,
    response: z.object({
      clientDataJSON: base64url,
      authenticatorData: base64url,
      signature: base64url,
      userHandle: base64url.nullish(),
    }),
  })
  .transform(({ response: { userHandle, ...response }, ...rest }) => ({
    ...rest,
    clientExtensionResults: {},
    response: { ...response, ...(userHandle ? { userHandle } : {}) },
  }));

/** What a browser answers when a key was made (WebAuthn §5.1, RegistrationResponseJSON). */
export type CreationResponse = z.output<typeof creation>;
/** What a browser answers when a key has signed (AuthenticationResponseJSON). */
export type SignatureResponse = z.output<typeof signature>;
export type { Transport };

function read<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Reads the text of a form's field; undefined for anything else than such a response. */
export const readCreation = (text: string): CreationResponse | undefined => read(creation, text);
export const readSignature = (text: string): SignatureResponse | undefined => read(signature, text);
