import type { IncomingHttpHeaders } from 'node:http';
import type { Reference, StartAgainLocals } from '../../foundation/views/pages.ts';
import type { Clients } from '../clients/module.ts';
import { backToApp } from './app-on-page.ts';
import { routes } from './routes.ts';
import { speakAsAsked } from './ui-locales.ts';

/** An interaction that is over, or that another browser is in the middle of. */
export interface FormerInteraction {
  readonly clientId: string | undefined;
  /** Answered, rather than left alone until it expired. */
  readonly finished: boolean;
  /** What the app asked for, as far as it is known. */
  readonly params?: { readonly [name: string]: unknown } | undefined;
}

export interface StartAgainParts {
  readonly issuer: string;
  readonly clients: Clients;
  /** What is still known of an interaction, by the uid in its address. */
  readonly former: (uid: string) => Promise<FormerInteraction | undefined>;
}

/** The part of Koa's context that tells where somebody was. */
export interface FormerRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly state: Record<string, unknown>;
}

/** The page for somebody whose step is not there, and what it shows. */
export interface StartAgain {
  readonly page: 'interaction/cookies-off' | 'interaction/start-again';
  readonly locals: StartAgainLocals;
}

/** Finds out what became of the step at this address, and the way back to the app that asked for it. */
export function createStartAgain({ issuer, clients, former }: StartAgainParts) {
  return async (request: FormerRequest, reference: Reference): Promise<StartAgain> => {
    const uid = /^\/[a-z]+\/([\w-]{10,64})(?:\/|$)/.exec(request.path)?.[1];
    const interaction = uid === undefined ? undefined : await former(uid);
    speakAsAsked(request, interaction?.params);
    const backTo = backToApp(clients, interaction?.clientId, issuer);
    // Without any cookie the browser has lost them all or keeps none: say so, since starting again will not help.
    if (request.headers.cookie === undefined) {
      const locals = { ...reference, code: 'cookies_missing', backTo, reason: 'expired' } as const;
      return { page: 'interaction/cookies-off', locals };
    }
    // A device's code has been confirmed when its page is sent a second time.
    const finished = interaction?.finished ?? request.path === routes.code_verification;
    const [code, reason] = finished
      ? (['interaction_finished', 'finished'] as const)
      : (['interaction_missing', 'expired'] as const);
    return { page: 'interaction/start-again', locals: { ...reference, code, backTo, reason } };
  };
}
