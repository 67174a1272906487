import type Router from '@koa/router';
import { doorState } from '../../foundation/http/door.ts';

interface Parts {
  readonly config: { readonly issuer: string };
  /** Whose pages may use the keys of this host, ours first. */
  readonly origins: () => readonly string[];
}

/** Mounts what browsers and password managers read. Both are public, and the same for everybody. */
export function mountPasskeyDocuments(router: Router, { config, origins }: Parts): void {
  // Related origins (WebAuthn §5.11): a page of one of them may use the keys of this host.
  router.get('/.well-known/webauthn', (ctx) => {
    doorState(ctx).kind = 'document';
    ctx.body = { origins: origins() };
  });

  // Where people add keys and look after them (W3C passkey endpoints).
  router.get('/.well-known/passkey-endpoints', (ctx) => {
    const { issuer } = config;
    doorState(ctx).kind = 'document';
    ctx.body = { enroll: `${issuer}/account/passkeys/add`, manage: `${issuer}/account` };
  });
}
