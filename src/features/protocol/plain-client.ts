import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import type { Client } from 'oidc-provider';
import { checkSecret, type SecretCheck } from './client-model.ts';
import { hasPlainMetadata } from './plain-metadata.ts';

/** A form in which every parameter stands once and says something. */
export type Form = Readonly<Record<string, string>>;

/**
 * Finds the client that a form was posted by, when it proves itself by its secret, in the form or by `Basic`, or has none
 * and shows a code or refresh token. Undefined for everything else: the library refuses it, counts it, or knows how to take it (RFC 6749 §2.3, OAuth 2.1 §2.4).
 */
export function plainClient(provider: Provider, check: SecretCheck) {
  const find = clientOf(provider, check);
  return async (ctx: Context, form: Form): Promise<Client | undefined> => {
    const client = await find(ctx, form);
    return client && hasPlainMetadata(check.clients.find(client.clientId)) ? client : undefined;
  };
}

function clientOf(provider: Provider, check: SecretCheck) {
  return async (ctx: Context, form: Form): Promise<Client | undefined> => {
    const { authorization } = ctx.headers;
    if (authorization === undefined && form['client_secret'] === undefined) return publicClient(provider, form);
    const { id, secret } = presented(authorization, form);
    if (!id || !secret || (form['client_id'] ?? id) !== id) return undefined;
    // The library's own look-up: a client that is unknown, disabled or wrongly described is none.
    const client = await provider.Client.find(id);
    // Which of the two a client registered for makes no difference to the library either (shared/client_auth.js).
    if (!client || !secretMethods.has(client.clientAuthMethod ?? '')) return undefined;
    return checkSecret(check, id, secret).accepted ? client : undefined;
  };
}

/** What clients without a secret (RFC 6749 §2.1) may have here: they prove nothing, and have that alone to show. */
const publicGrants = new Set(['authorization_code', 'refresh_token']);

async function publicClient(provider: Provider, form: Form): Promise<Client | undefined> {
  if (!publicGrants.has(form['grant_type'] ?? '') || form['client_assertion'] !== undefined) return undefined;
  const client = await provider.Client.find(form['client_id'] ?? '');
  return client?.clientAuthMethod === 'none' ? client : undefined;
}

const secretMethods = new Set(['client_secret_basic', 'client_secret_post']);

interface Credentials {
  readonly id?: string | undefined;
  readonly secret?: string | undefined;
}

function presented(authorization: string | undefined, form: Form): Credentials {
  if (authorization === undefined) return inForm(form);
  // §2.4: "MUST NOT use more than one authentication method in each request".
  return form['client_secret'] === undefined ? inHeader(authorization) : {};
}

const inForm = ({ client_id: id, client_secret: secret }: Form): Credentials => ({ id, secret });

const basic = /^Basic ([A-Za-z0-9+/]+={0,2})$/i;

/** RFC 6749 §2.3.1: both are form-encoded before they are joined. */
function inHeader(header: string): Credentials {
  const encoded = basic.exec(header)?.[1];
  if (encoded === undefined || encoded.length % 4 !== 0) return {};
  const joined = Buffer.from(encoded, 'base64').toString();
  const colon = joined.indexOf(':');
  if (colon < 1) return {};
  return { id: decoded(joined.slice(0, colon)), secret: decoded(joined.slice(colon + 1)) };
}

function decoded(text: string): string | undefined {
  try {
    const value = decodeURIComponent(text.replaceAll('+', '%20'));
    return /^[\x20-\x7e]+$/.test(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
