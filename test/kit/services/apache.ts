import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { debianFile, startChild, untilReady } from './child.ts';
import { temporaryFolder } from './folder.ts';
import { freePort } from './free-port.ts';

export interface ApacheOptions {
  /** The OpenID provider; its metadata is read at the first request for the protected page, not at start. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Separated by blanks. */
  readonly scope?: string;
  /** The claim that becomes REMOTE_USER. */
  readonly remoteUserClaim?: string;
  /** More lines for the virtual host, such as `OIDCOAuth…`. */
  readonly extra?: string;
  /** Chosen beforehand when the client has to be registered first; otherwise a free one. */
  readonly port?: number;
}

export interface Apache {
  readonly url: string;
  /** Signed in or redirected to sign in; prints `REMOTE_USER=<the person>`. */
  readonly protectedUrl: string;
  /** Open to everybody; prints `signed out`. */
  readonly publicUrl: string;
  /** What the client is registered with. */
  readonly redirectUri: string;
  readonly postLogoutRedirectUri: string;
  readonly backchannelLogoutUri: string;
  /** Ends Apache's session, then asks the provider to end its own (RP-initiated logout). */
  readonly logoutUrl: string;
  readonly errorLog: () => string;
  readonly stop: () => Promise<void>;
}

const modules = '/usr/lib/apache2/modules';
const loaded = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'mime', 'dir', 'include', 'auth_openidc'];

/**
 * Debian's Apache with mod_auth_openidc as a relying party: code flow with PKCE S256, RP-initiated and back-channel
 * logout. Start it first, register its `redirectUri`, then open `protectedUrl`. Throws when a package is missing.
 */
export async function startApache(options: ApacheOptions): Promise<Apache> {
  const program = debianFile(['/usr/sbin/apache2'], 'apache2');
  debianFile([`${modules}/mod_auth_openidc.so`], 'libapache2-mod-auth-openidc');
  const folder = temporaryFolder('apache', { mode: 0o755 });
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  layOut(folder.path);
  writeFileSync(join(folder.path, 'apache.conf'), configuration(folder.path, url, options));
  const server = startChild(program, ['-d', folder.path, '-f', join(folder.path, 'apache.conf'), '-DFOREGROUND']);
  const errorLog = (): string => readLog(join(folder.path, 'error.log'));
  const publicUrl = `${url}/public/`;
  await untilReady(server, () => fetch(publicUrl).then((answer) => answer.ok), {
    what: 'Apache',
    within: 15_000,
    log: errorLog,
  });
  const redirectUri = `${url}/protected/callback`;
  return {
    url,
    protectedUrl: `${url}/protected/`,
    publicUrl,
    redirectUri,
    postLogoutRedirectUri: publicUrl,
    backchannelLogoutUri: `${redirectUri}?logout=backchannel`,
    logoutUrl: `${redirectUri}?logout=${encodeURIComponent(publicUrl)}`,
    errorLog,
    async stop() {
      await server.stop('SIGTERM');
      folder.remove();
    },
  };
}

function layOut(root: string): void {
  for (const name of ['public', 'protected']) mkdirSync(join(root, 'pages', name), { recursive: true });
  const page = (title: string, body: string): string =>
    `<!doctype html><html lang="en"><head><title>${title}</title></head><body><p id="who">${body}</p></body></html>\n`;
  const user = 'REMOTE_USER=<!--#echo var="REMOTE_USER" -->';
  writeFileSync(join(root, 'pages/protected/index.shtml'), page('Protected', user));
  writeFileSync(join(root, 'pages/public/index.shtml'), page('Public', 'signed out'));
}

function configuration(root: string, url: string, options: ApacheOptions): string {
  const asRoot = process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : '';
  return `ServerRoot "${root}"
ServerName 127.0.0.1
Listen ${url.slice('http://'.length)}
PidFile "${root}/apache.pid"
DefaultRuntimeDir "${root}"
ErrorLog "${root}/error.log"
LogLevel warn auth_openidc:info
${asRoot}
${loaded.map((name) => `LoadModule ${name}_module "${modules}/mod_${name}.so"`).join('\n')}
StartServers 1
ThreadsPerChild 8
MinSpareThreads 4
MaxSpareThreads 16
MaxRequestWorkers 16
KeepAlive On
TypesConfig /dev/null
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
DirectoryIndex index.shtml
DocumentRoot "${root}/pages"
<Directory "${root}/pages">
  Options +Includes
  AllowOverride None
  Require all granted
</Directory>
OIDCProviderMetadataURL "${options.issuer}/.well-known/openid-configuration"
OIDCClientID "${options.clientId}"
OIDCClientSecret "${options.clientSecret}"
OIDCRedirectURI "${url}/protected/callback"
OIDCCryptoPassphrase "only for this test run"
OIDCScope "${options.scope ?? 'openid email profile'}"
OIDCPKCEMethod S256
OIDCProviderTokenEndpointAuth client_secret_basic
OIDCRemoteUserClaim ${options.remoteUserClaim ?? 'email'}
OIDCSSLValidateServer Off
OIDCHTTPTimeoutLong 10
<Location "/protected/">
  AuthType openid-connect
  Require valid-user
</Location>
${options.extra ?? ''}
`;
}

function readLog(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
