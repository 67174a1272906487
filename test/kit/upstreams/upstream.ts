import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Call, Dialect, Endpoint, Handler, Person, Reply } from './dialect.ts';
import { dialects, type ProviderName } from './dialects.ts';
import { type Fault, fail, insidePath } from './faults.ts';
import type { Forgery, Keys } from './keys.ts';
import { errorReply, OAuthError, Provider, type ProviderOptions } from './provider.ts';
import { asksPage, standardHandlers } from './standard.ts';

export interface UpstreamOptions extends Partial<ProviderOptions> {
  /** Below which paths GitHub Enterprise Server and others that differ answer. */
  readonly variant?: 'enterprise-server';
  /** Answers in place of the stand-in; true where it did. */
  readonly interfere?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A stand-in for an identity provider, which listens on a port of its own. */
export interface Upstream {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** As its ID tokens say, where it has them. For Microsoft with its tenant. */
  readonly issuer: string;
  readonly endpoints: Readonly<Partial<Record<Endpoint, string>>>;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Everything it was asked, the newest last. */
  readonly requests: Call[];
  readonly keys: Keys;
  /** Where its page would send whoever is chosen, for an authorization request that it is not asked itself. */
  answerTo(authorizationUrl: string): string;
  /** Whether anybody followed a redirect to where only this machine can go. */
  readonly wasAskedInside: () => boolean;
  /** Somebody with an account there, who is the one who signs in from now on. The same `sub` again changes them. */
  addPerson(person: Person): Person;
  /** Who signs in from now on; undefined says no to everything. */
  choose(person: Person | undefined): void;
  /** The next answers of the endpoint go wrong, the next one by default. */
  nextAnswer(endpoint: Endpoint, fault: Fault, times?: number): void;
  forgeIdToken(forgery: Forgery): void;
  /** Other members of the next profile; `undefined` leaves one out. */
  forgeProfile(changes: Readonly<Record<string, unknown>>): void;
  /** Other parameters of the next answer to the browser; `undefined` leaves one out. */
  forgeRedirect(changes: Readonly<Record<string, unknown>>): void;
  rotateKeys(options?: { readonly dropFormer?: boolean }): void;
  expireAccessTokens(): void;
  revokeRefreshTokens(): void;
  logoutToken(person: Person, forgery?: Forgery): string;
  /** Refuses connections, as a provider whose server is gone. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the stand-in of a provider. It answers at once for the person added last, unless `asks` is set. */
export async function startUpstream(name: ProviderName, options: UpstreamOptions = {}): Promise<Upstream> {
  return openUpstream(dialects[options.variant === undefined ? name : 'github-enterprise-server'], options);
}

/** Starts a stand-in that speaks a dialect of the test's own. */
export async function openUpstream(dialect: Dialect, options: UpstreamOptions = {}): Promise<Upstream> {
  const { variant: _variant, interfere, ...given } = options;
  const standIn = new StandIn(dialect, interfere);
  await standIn.open({
    clientId: 'client',
    clientSecret: 'a secret that the provider has made up',
    asks: false,
    sendsIssuer: false,
    tenant: 'common',
    ...given,
  });
  return standIn.upstream();
}

class StandIn {
  readonly #dialect: Dialect;
  readonly #requests: Call[] = [];
  readonly #faults: { endpoint: Endpoint; fault: Fault; times: number }[] = [];
  #server: Server | undefined;
  #port = 0;
  #provider!: Provider;

  readonly #interfere: UpstreamOptions['interfere'];

  constructor(dialect: Dialect, interfere: UpstreamOptions['interfere']) {
    this.#dialect = dialect;
    this.#interfere = interfere;
  }

  async open(options: ProviderOptions): Promise<void> {
    await this.#listen();
    this.#provider = new Provider(`http://127.0.0.1:${this.#port}`, this.#dialect, options);
  }

  async #listen(): Promise<void> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        // A mistake of the stand-in itself: seen in the test that made it.
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const url = new URL(request.url ?? '/', this.#provider.origin);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const endpoint = this.#endpointAt(url.pathname);
    const form = headers['content-type']?.startsWith('application/x-www-form-urlencoded') ? body : '';
    const method = request.method ?? '';
    const call = { endpoint, method, url, headers, form: new URLSearchParams(form), body, at: Date.now() };
    this.#requests.push(call);
    if (this.#interfere?.(request, response)) return;
    const fault = this.#nextFault(endpoint);
    if (typeof fault === 'string') return fail(fault, response, this.#provider.origin);
    write(response, fault ?? (await this.#reply(call)));
  }

  #endpointAt(path: string): Endpoint | undefined {
    const found = Object.entries(this.#dialect.paths).find(([, known]) => isAt(path, known));
    return found?.[0] as Endpoint | undefined;
  }

  #nextFault(endpoint: Endpoint | undefined): Fault | undefined {
    const next = this.#faults.find((one) => one.endpoint === endpoint && one.times > 0);
    if (next) next.times -= 1;
    return next?.fault;
  }

  async #reply(call: Call): Promise<Reply> {
    if (call.url.pathname === asksPage) return standardHandlers.asked(call, this.#provider);
    const { endpoint } = call;
    if (endpoint === undefined) return { status: 404, body: 'Not Found' };
    const handler: Handler | undefined = this.#dialect.handlers?.[endpoint] ?? standardHandlers.endpoints[endpoint];
    if (!handler) return { status: 404, body: 'Not Found' };
    try {
      return await handler(call, this.#provider);
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      return this.#dialect.tokenError?.(error, call) ?? errorReply(error);
    }
  }

  upstream(): Upstream {
    const provider = this.#provider;
    const { clientId, clientSecret } = provider.options;
    const known = Object.keys(this.#dialect.paths) as Endpoint[];
    return {
      url: provider.origin,
      issuer: provider.issuer,
      endpoints: Object.fromEntries(known.map((name) => [name, provider.address(name)])),
      clientId,
      clientSecret,
      requests: this.#requests,
      keys: provider.keys,
      answerTo: (authorizationUrl) => {
        const { searchParams: request } = new URL(authorizationUrl);
        const answer = provider.decide(request, provider.chosen);
        const back = new URL(request.get('redirect_uri') ?? '');
        back.search = new URLSearchParams(answer).toString();
        return back.href;
      },
      wasAskedInside: () => this.#requests.some(({ url }) => url.pathname === insidePath),
      addPerson: (person) => {
        provider.people.set(person.sub, person);
        provider.chosen = person.sub;
        return person;
      },
      choose: (person) => {
        provider.chosen = person?.sub;
      },
      nextAnswer: (endpoint, fault, times = 1) => void this.#faults.push({ endpoint, fault, times }),
      forgeIdToken: (forgery) => void provider.forged.idToken.push(forgery),
      forgeProfile: (changes) => void provider.forged.profile.push(changes),
      forgeRedirect: (changes) => void provider.forged.redirect.push(changes),
      rotateKeys: (how) => provider.keys.rotate(how),
      expireAccessTokens: () => provider.expireAccessTokens(),
      revokeRefreshTokens: () => provider.revokeRefreshTokens(),
      logoutToken: (person, forgery) => provider.logoutToken(person, forgery),
      goAway: () => this.#close(),
      comeBack: () => this.#listen(),
      stop: () => this.#close(),
    };
  }
}

/** Whether a path is the one with `:name` segments. */
function isAt(path: string, known: string): boolean {
  const [given, wanted] = [path.split('/'), known.split('/')];
  return (
    given.length === wanted.length &&
    wanted.every((segment, index) => segment.startsWith(':') || segment === given[index])
  );
}

function write(response: ServerResponse, { status = 200, headers = {}, body = '' }: Reply): void {
  const isText = typeof body === 'string';
  const type = isText ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8';
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...headers });
  response.end(isText ? body : JSON.stringify(body));
}
