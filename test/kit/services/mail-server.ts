import type { AddressInfo } from 'node:net';
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { until } from '../until.ts';

/** A mail as it arrived. */
export interface ArrivedMail {
  /** Recipients of the envelope. */
  readonly recipients: readonly string[];
  readonly from: string;
  readonly messageId: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly headers: readonly { readonly key: string; readonly value: string }[];
  readonly raw: string;
  /** Whether it came over TLS. */
  readonly secure: boolean;
  readonly user: string | undefined;
}

type Step = 'connect' | 'auth' | 'recipient' | 'data';

/** What the server does instead of taking a mail, at one step of the conversation. */
export interface Mood {
  readonly at: Step;
  /** Answers with this code. */
  readonly code?: number;
  /** Answers only when this resolves. */
  readonly wait?: Promise<void>;
  /** Takes the mail, then breaks the connection instead of saying so: the sender cannot know. */
  readonly dropAfter?: boolean;
}

export interface MailServerOptions {
  readonly port?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly password?: string;
  /** TLS from the first byte (`smtps`). */
  readonly secure?: boolean;
}

/** A mail server in this process, whose mood can be changed. */
export class MailServer {
  readonly arrived: ArrivedMail[] = [];
  mood: Mood | undefined;
  port: number;
  readonly #options: MailServerOptions;
  #server: SMTPServer | undefined;

  constructor(options: MailServerOptions = {}) {
    this.#options = options;
    this.port = options.port ?? 0;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  /** Listens, on the same port each time. */
  async start(): Promise<void> {
    const server = this.#build();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    server.removeAllListeners('error');
    server.on('error', () => {});
    this.port = (server.server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Stops listening and cuts every connection. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const { _socket: socket } of server.connections as Set<{ _socket?: { destroy(): void } }>) socket?.destroy();
    await closed;
  }

  /** Waits for the mail with this place in the order of arrival, the first being 0. */
  async mail(index = 0): Promise<ArrivedMail> {
    await until(`mail ${index} arrived`, async () => this.arrived.length > index);
    return this.arrived[index] as ArrivedMail;
  }

  #build(): SMTPServer {
    const { tls, password, secure = false } = this.#options;
    return new SMTPServer({
      secure,
      logger: false,
      closeTimeout: 100,
      ...tls,
      disabledCommands: [...(tls ? [] : ['STARTTLS']), ...(password === undefined ? ['AUTH'] : [])],
      authOptional: password === undefined,
      allowInsecureAuth: true,
      onConnect: (_session, done) => this.#answer('connect', done),
      onAuth: (auth, _session, done) => {
        if (auth.password !== password) done(Object.assign(new Error('wrong password'), { responseCode: 535 }));
        else this.#answer('auth', (error) => (error ? done(error) : done(null, { user: String(auth.username) })));
      },
      onRcptTo: (_address, _session, done) => this.#answer('recipient', done),
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const keep = () => this.#keep(Buffer.concat(chunks), session as never);
          this.#answer('data', (error) => (error ? done(error) : void keep().then(() => done())), keep);
        });
      },
    });
  }

  #answer(step: Step, done: (error?: Error | null) => void, keep?: () => Promise<void>): void {
    const { mood } = this;
    if (mood?.at !== step) done();
    else if (mood.wait) void mood.wait.then(() => done());
    else if (mood.dropAfter && keep) void keep().then(() => this.stop());
    else done(Object.assign(new Error('not today, person@example.org'), { responseCode: mood.code ?? 451 }));
  }

  async #keep(
    raw: Buffer,
    session: { envelope: { rcptTo: { address: string }[] }; secure: boolean; user?: unknown },
  ): Promise<void> {
    const parsed = await PostalMime.parse(raw);
    this.arrived.push({
      recipients: session.envelope.rcptTo.map(({ address }) => address),
      from: parsed.from?.address ?? '',
      messageId: parsed.messageId ?? '',
      subject: parsed.subject ?? '',
      text: parsed.text ?? '',
      html: parsed.html ?? '',
      headers: parsed.headers,
      raw: raw.toString(),
      secure: session.secure,
      user: typeof session.user === 'string' ? session.user : undefined,
    });
  }
}
