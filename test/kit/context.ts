import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import Koa, { type Context } from 'koa';

export interface RequestForTest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly state?: Readonly<Record<string, unknown>>;
}

/** Koa's context of a request that nobody sent, for one middleware at a time. */
export function contextFor({ method = 'GET', path = '/', headers = {}, state = {} }: RequestForTest = {}): Context {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { method, url: path, headers: { host: 'id.example', ...headers } });
  const app = new Koa();
  // Errors that a middleware emits are what some tests look for; Koa would print them.
  app.on('error', () => undefined);
  const ctx = app.createContext(request, new ServerResponse(request)) as Context;
  Object.assign(ctx.state, state);
  return ctx;
}
