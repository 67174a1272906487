import type { PageLocals, PageName } from '../views/pages.ts';
import type { Views } from '../views/render.ts';
import type { RouteKind } from './security-headers.ts';

/** Where a request came from. */
export interface RequestOrigin {
  readonly ip?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly requestId?: string | undefined;
  readonly traceId?: string | undefined;
}

/** What the first middleware knows of every request, and what doors tell the last one. Kept in Koa's `ctx.state`. */
export interface DoorState {
  readonly requestId: string;
  readonly facts: RequestOrigin;
  /** In which the person is answered. */
  readonly language: string;
  /** What the app asked for (`ui_locales`): of the address, unless a door knows the request that began it all. */
  uiLocales: string | undefined;
  /** What is answered with, for the table of security headers. */
  kind: RouteKind;
  /** Where a form of this page may lead besides our own origin. */
  formActions: string[];
}

/** The part of Koa's context that a page door needs. */
export interface PageContext {
  readonly state: Record<string, unknown>;
  type: string;
  status: number;
  body: unknown;
}

/** The state of the request; the first middleware has set it. */
export const doorState = (ctx: { readonly state: Record<string, unknown> }): DoorState =>
  ctx.state as unknown as DoorState;

/** Sends the browser on to read another page by GET, whatever it called this one with (RFC 9110 §15.4.4). */
export function seeOther(ctx: { redirect(address: string): void; status: number }, address: string): void {
  ctx.redirect(address);
  ctx.status = 303;
}

/** Answers with a page. */
export function showPage<Name extends PageName>(
  ctx: PageContext,
  { views, page, locals, status = 200 }: { views: Views; page: Name; locals: PageLocals[Name]; status?: number },
): void {
  ctx.status = status;
  ctx.type = 'html';
  ctx.body = views.render(page, locals, { language: doorState(ctx).language });
}

/** Whether a form has a field of this name. */
export function hasField(ctx: { readonly request: object }, name: string): boolean {
  const { body } = ctx.request as { body?: unknown };
  return body !== null && typeof body === 'object' && name in body;
}

/** A form's text field; anything else (missing, repeated, not a form) is empty. */
export function field(ctx: { readonly request: object }, name: string): string {
  const { body } = ctx.request as { body?: unknown };
  const value = body !== null && typeof body === 'object' ? (body as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : '';
}
