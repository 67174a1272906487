import { sha256 } from '../../foundation/crypto/hash.ts';
import { clearSecretCookie, readSecretCookie, writeSecretCookie } from '../../foundation/http/secret-cookie.ts';
import { attemptMs } from './attempt.ts';

/** Whose cookie it is. */
interface Of {
  readonly issuer: string;
  readonly state: string;
  /** Whether the provider answers by a form that its own page posts. */
  readonly formPost: boolean;
}

/**
 * The cookie of one attempt. It is named after its state, so that two tabs do not disturb each other, and it never
 * leaves `/federation/`. Without it the answer of a provider counts for nothing: somebody could send their own way's
 * address to a victim, whose identity would then come back to the sender's sign-in.
 */
const cookieOf = ({ issuer, state, formPost }: Of) => ({
  issuer,
  name: `postern.federation.${sha256(state).slice(0, 22)}`,
  path: '/federation/',
  crossSite: formPost,
});

export const writeWayCookie = (of: Of, secret: string): string =>
  writeSecretCookie({ ...cookieOf(of), maxAgeSeconds: attemptMs / 1000 }, secret);

export const readWayCookie = (of: Of, header: string | undefined): string | undefined =>
  readSecretCookie(cookieOf(of), header);

export const clearWayCookie = (of: Of): string => clearSecretCookie(cookieOf(of));
