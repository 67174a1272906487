import type { Server } from 'node:http';

/** How long requests in flight may take to finish, in milliseconds; the whole shutdown stays below ten seconds. */
const drainMs = 8_000;

/** Stops accepting, lets what is under way finish, then cuts what is left. */
export async function drain(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearTimeout(cut);
}
