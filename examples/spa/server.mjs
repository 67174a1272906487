/**
 * Serves the page and its two scripts; any web server does as well. Settings come from the environment, see README.md.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080').origin;
const port = Number(process.env.PORT ?? 3002);
const clientId = process.env.CLIENT_ID ?? 'spa';

const library = new URL('../browser/oidc-client-ts.min.js', import.meta.resolve('oidc-client-ts'));
const page = (name) => join(import.meta.dirname, name);
const files = {
  '/': ['text/html; charset=utf-8', page('index.html')],
  '/app.js': ['text/javascript; charset=utf-8', page('app.js')],
  '/oidc-client-ts.js': ['text/javascript; charset=utf-8', library],
};

const headers = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  // A script from elsewhere would be the whole app: none is run, and none of ours talks to anybody but the provider.
  'content-security-policy': `default-src 'none'; script-src 'self'; img-src data:; connect-src 'self' ${issuer}; frame-ancestors 'none'; base-uri 'none'`,
};

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/config.json') {
    response.writeHead(200, { ...headers, 'content-type': 'application/json' });
    return response.end(JSON.stringify({ issuer, clientId }));
  }
  const [type, file] = files[pathname] ?? [];
  if (!file) return response.writeHead(404, headers).end();
  const content = await readFile(file);
  return response.writeHead(200, { ...headers, 'content-type': type }).end(content);
});
server.listen(port, '127.0.0.1', () => console.log(`browser app: http://localhost:${port}/`));
process.on('SIGTERM', () => server.close(() => process.exit(0)).closeAllConnections());
