import type { IncomingHttpHeaders } from 'node:http';
import type { DoorState } from '../foundation/http/door.ts';
import type { RequestContext } from '../foundation/http/request-context.ts';
import type { RouteKind } from '../foundation/http/security-headers.ts';
import type { Views } from '../foundation/views/render.ts';

export interface LanguageWish {
  readonly views: Pick<Views, 'negotiate'>;
  /** What was asked for, with its query. */
  readonly address: string;
  readonly headers: IncomingHttpHeaders;
}

/** The state of a request. A class: an accessor made anew for each request would outlive it (`own-context.ts`). */
export class RequestState implements DoorState {
  readonly facts: RequestContext;
  readonly requestId: string;
  readonly formActions: string[] = [];
  kind: RouteKind;
  readonly #wish: LanguageWish;
  #askedBefore: string | undefined;

  constructor(facts: RequestContext, kind: RouteKind, wish: LanguageWish) {
    this.facts = facts;
    this.requestId = facts.requestId;
    this.kind = kind;
    this.#wish = wish;
  }

  get uiLocales(): string | undefined {
    return this.#askedBefore ?? new URLSearchParams(queryOf(this.#wish.address)).get('ui_locales') ?? undefined;
  }

  set uiLocales(asked: string | undefined) {
    this.#askedBefore = asked;
  }

  /** Asked for by pages only; programs are answered in no language. */
  get language(): string {
    return this.#wish.views.negotiate(this.uiLocales, this.#wish.headers['accept-language']);
  }
}

const queryOf = (address: string): string => address.slice(address.indexOf('?') + 1 || address.length);
