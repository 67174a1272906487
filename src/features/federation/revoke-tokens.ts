import type { Operation } from '../../foundation/db/statement.ts';
import { type MessageKind, type Outbox, Undeliverable } from '../../foundation/outbox/outbox.ts';
import type { Audit } from '../audit/module.ts';
import { refusalOf } from './ask-provider.ts';
import type { AskTokens } from './ask-tokens.ts';
import type { Providers } from './providers.ts';
import type { UpstreamTokens } from './upstream-tokens.ts';

/** How messages of this kind are called in the outbox. */
export const tokenRevocationKind = 'upstream-revocation';

interface Body {
  readonly provider: string;
  readonly tokens: Pick<UpstreamTokens, 'accessToken' | 'refreshToken'>;
}

/** The operation by which a provider is told that tokens are not to work any more: commit it with their removal. */
export type RevokeTokens = (provider: string, tokens: Body['tokens']) => Operation;

export const createRevokeTokens =
  (outbox: Pick<Outbox, 'put'>): RevokeTokens =>
  (provider, { accessToken, refreshToken }) =>
    outbox.put(tokenRevocationKind, { provider, tokens: { accessToken, refreshToken } } satisfies Body);

/** How it is told: again and again, for about a day, until the provider has heard it. */
export function tokenRevocations(parts: {
  readonly providers: Pick<Providers, 'find'>;
  readonly askTokens: AskTokens;
  readonly audit: Audit;
}): MessageKind {
  return {
    async deliver(body) {
      const { provider: name, tokens } = body as Body;
      const provider = parts.providers.find(name);
      if (!provider) throw new Undeliverable('provider_unknown');
      const isHeard = await parts.askTokens.revoke(provider, tokens).catch((error: unknown) => {
        throw new Error(refusalOf(error).reason);
      });
      if (!isHeard) throw new Undeliverable('no_revocation_endpoint');
      return undefined;
    },
    settled(body, outcome, reason) {
      const { provider } = body as Body;
      const actor = { kind: 'system', name: 'outbox' } as const;
      const isDone = outcome === 'delivered';
      const told = { type: 'identity.tokens_revoked', outcome: isDone ? 'success' : 'failure', reason, actor } as const;
      return [parts.audit.record({ ...told, details: { provider } }, {})];
    },
  };
}
