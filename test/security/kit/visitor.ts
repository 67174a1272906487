import { Agent, type IncomingMessage, request } from 'node:http';
import { type Form, formOf } from '../../kit/browser.ts';
import { isBack, type RelyingApp } from '../../kit/relying-app.ts';

/** Where a visitor's requests come from, as the server's socket sees it, and what they say of it. */
export interface Way {
  /** The address of the peer, one of loopback's. */
  readonly peer: string;
  /** `X-Forwarded-For`, made anew for each request. */
  readonly forwardedFor: () => string | undefined;
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly text: string;
}

const agents = new Map<string, Agent>();

/** Connections from a peer stay open: ten thousand of them would use up the ports. */
function agentOf(peer: string): Agent {
  const agent = agents.get(peer) ?? new Agent({ keepAlive: true, maxSockets: 16 });
  agents.set(peer, agent);
  return agent;
}

/** Closes what visitors have left open. */
export function closeVisits(): void {
  for (const agent of agents.values()) agent.destroy();
  agents.clear();
}

/** Somebody at the sign-in page, over HTTP from an address of their choice; keeps cookies whatever their path. */
export class Visitor {
  readonly #app: RelyingApp;
  readonly #origin: string;
  readonly #cookies = new Map<string, string>();
  #way: Way;
  #form: Form | undefined;

  constructor(app: RelyingApp, way: Way) {
    this.#app = app;
    this.#origin = new URL(app.request().url).origin;
    this.#way = way;
  }

  /** Goes on from somewhere else, with the cookies that it has. */
  move(way: Way): void {
    this.#way = way;
    this.#form = undefined;
  }

  /** Types login and password, on the page that is open or on a new one. The status of the answer. */
  async try(login: string, password: string): Promise<number> {
    return (await this.#type(login, password)).status;
  }

  /** Types them and goes on to the app. Whether it came back there with a code. */
  async signIn(login: string, password: string): Promise<boolean> {
    let { location } = await this.#type(login, password);
    for (let hop = 0; hop < 6 && location !== undefined && !isBack(location); hop += 1) {
      ({ location } = await this.#send('GET', location));
    }
    return location !== undefined && new URL(location).searchParams.has('code');
  }

  async #type(login: string, password: string): Promise<Answer> {
    this.#form ??= await this.#open();
    const { action, fields } = this.#form;
    const answer = await this.#send('POST', action, { ...fields, login, password });
    // A wrong guess leaves the page open for the next one; after a right one there is none.
    if (answer.status === 303 || answer.status === 400) this.#form = undefined;
    return answer;
  }

  async #open(): Promise<Form> {
    const { location = '' } = await this.#send('GET', this.#app.request({ prompt: 'login' }).url);
    const { text, status } = await this.#send('GET', location);
    if (status !== 200) throw new Error(`the sign-in page answered ${status}`);
    return formOf({ text, url: new URL(location, this.#origin).href }, 'login-submit');
  }

  #send(method: string, address: string, form?: Record<string, string>): Promise<Answer> {
    const { peer, forwardedFor } = this.#way;
    const body = form && new URLSearchParams(form).toString();
    const forwarded = forwardedFor();
    const headers = {
      accept: 'text/html',
      cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
      ...(body === undefined
        ? {}
        : { origin: this.#origin, 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }),
    };
    const url = new URL(address, this.#origin);
    // The server listens on 127.0.0.1, and sees whichever address of loopback the socket was bound to.
    const at = { host: '127.0.0.1', port: url.port, path: `${url.pathname}${url.search}`, localAddress: peer };
    return new Promise((resolve, reject) => {
      const sent = request(
        { ...at, method, agent: agentOf(peer), headers: { ...headers, host: url.host } },
        (answer) => {
          this.#keep(answer);
          let text = '';
          answer.setEncoding('utf8').on('data', (part: string) => {
            text += part;
          });
          answer.once('end', () =>
            resolve({ status: answer.statusCode ?? 0, location: answer.headers.location, text }),
          );
        },
      );
      sent.once('error', (error) => {
        // The server had closed the connection that was kept: nothing of this request was read.
        if (sent.reusedSocket) resolve(this.#send(method, address, form));
        else reject(error);
      });
      sent.end(body);
    });
  }

  #keep({ headers }: IncomingMessage): void {
    for (const line of headers['set-cookie'] ?? []) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      if (/expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(pair.slice(0, at));
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
  }
}
