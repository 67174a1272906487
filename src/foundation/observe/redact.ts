/**
 * Keys whose values are never logged, wherever they stand. Compared in lower case without `-` and `_`, so that
 * `client_secret`, `clientSecret` and `Client-Secret` are one.
 */
const secretKeys: ReadonlySet<string> = new Set([
  'password',
  'newpassword',
  'currentpassword',
  'passwordhash',
  'passwd',
  'pwd',
  'secret',
  'clientsecret',
  'hash',
  'phc',
  'token',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'idtokenhint',
  'logouttoken',
  'registrationaccesstoken',
  'assertion',
  'clientassertion',
  'usercode',
  'devicecode',
  'authorizationcode',
  'codeverifier',
  'codechallenge',
  'state',
  'nonce',
  'jti',
  'authorization',
  'proxyauthorization',
  'cookie',
  'cookies',
  'setcookie',
  'session',
  'privatekey',
  'key',
  'keys',
  'jwk',
  'jwks',
  'd',
  'encryptionkey',
  'databaseurl',
  'requesturi',
  'request',
  'payload',
  'body',
]);

/** What was found of a key: lines have few fields, and the same ones again and again. */
const judged = new Map<string, boolean>();
const judgedLimit = 1000;

function isSecret(key: string): boolean {
  const known = judged.get(key);
  if (known !== undefined) return known;
  const secret = secretKeys.has(key.replace(/[-_]/g, '').toLowerCase());
  if (judged.size < judgedLimit) judged.set(key, secret);
  return secret;
}

const censored = '[redacted]';

/** How deep objects are followed: what lies deeper is left out, so that no log line costs much. */
const depthLimit = 4;

/**
 * A copy in which the values of secret keys are replaced, texts are scrubbed and errors are told in fields. A library's
 * path list would have to name every depth, and costs more a line than the rest of logging.
 */
export function redact(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return redactObject(fields, 0);
}

/**
 * One field of a flat line, redacted: undefined where it has no value, null where it is no text, number or truth value,
 * and has to be copied as `redact` does.
 */
export function redactPlain(key: string, value: unknown): string | number | boolean | null | undefined {
  if (value === undefined) return undefined;
  if (isSecret(key)) return censored;
  if (typeof value === 'string') return scrub(value);
  return typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

function redactObject(fields: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) copy[key] = isSecret(key) ? censored : redactValue(value, depth + 1);
  }
  return copy;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrub(value);
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return value;
  if (depth > depthLimit) return '[deeper]';
  if (value instanceof Error) return describeError(value, depth);
  if (ArrayBuffer.isView(value)) return '[bytes]';
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => redactValue(item, depth + 1));
  return redactObject(value, depth);
}

/** An error as fields: its class, code and scrubbed texts, and its causes likewise. Its other properties stay out. */
function describeError(error: Error, depth: number): Record<string, unknown> {
  const { code, status, cause } = error as Error & { code?: unknown; status?: unknown };
  const told: Record<string, unknown> = { type: error.name, message: scrub(error.message) };
  if (typeof code === 'string' || typeof code === 'number') told.code = code;
  if (typeof status === 'number') told.status = status;
  told.stack = scrub(error.stack ?? '');
  if (cause !== undefined) told.cause = redactValue(cause, depth + 1);
  return told;
}

/** Secrets by their shape or the name before them, as drivers and parsers quote them in messages. */
const shapes: readonly [RegExp, string][] = [
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, `$1${censored}@`],
  [/\b(Bearer|Basic|DPoP)\s+[\w.~+/=-]{6,}/gi, `$1 ${censored}`],
  [/\beyJ[\w-]{4,}\.[\w-]*\.?[\w-]*(?:\.[\w-]+)*/g, censored],
  [/\$argon2(?:id|i|d)\$[^\s"']+/g, censored],
  [/\bs1\.[\w-]{8}\.[\w-]+/g, censored],
  [
    /\b((?:[a-z]+[-_])?(?:password|secret|token|code|verifier|assertion|state|nonce|cookie)|encryptionkey)(["']?\s*[=:]\s*["']?)[^\s&"',;})]+/gi,
    `$1$2${censored}`,
  ],
];

/** Replaces what looks like a secret inside a text: a query parameter, a token, a credential in a URL, a hash. */
export function scrub(text: string): string {
  // Each shape needs one of these; most fields of most lines (ids, routes, names, addresses) have none.
  if (text.length < 8 || !/[=:$\s]|eyJ|s1\./.test(text)) return text;
  let clean = text;
  for (const [shape, replacement] of shapes) clean = clean.replace(shape, replacement);
  return clean;
}
