import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between a client and a server and makes the network fail in a given way. */
export interface FaultyProxy {
  readonly port: number;
  /** Cuts the connection on which the client sends this text next, once it has been passed on and before the answer. */
  cutAfter(text: string): void;
  /** Passes nothing on, in either direction, and drops what comes. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

export async function startProxy(target: { readonly host: string; readonly port: number }): Promise<FaultyProxy> {
  let cut: string | undefined;
  let frozen = false;
  const sockets = new Set<Socket>();

  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    let mute = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      if (frozen) return;
      if (cut !== undefined && data.includes(cut)) {
        cut = undefined;
        mute = true;
        // The server gets the statement and answers; the answer never arrives.
        upstream.once('data', () => client.destroy());
      }
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (!mute && !frozen) client.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));

  return {
    port: (server.address() as AddressInfo).port,
    cutAfter(text) {
      cut = text;
    },
    freeze() {
      frozen = true;
    },
    thaw() {
      frozen = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
