import { hash } from 'argon2';
import { type CoreFeatures, composeCore } from '../../src/app/compose-features.ts';
import { openStore } from '../../src/app/open-store.ts';
import { byOperator } from '../../src/features/audit/module.ts';
import { claimsOf } from '../../src/features/protocol/module.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { loadConfig } from '../../src/foundation/config/load.ts';
import { createIds } from '../../src/foundation/ids.ts';
import { systemRandom } from '../../src/foundation/random.ts';

/** Both servers have the same clients, APIs, people, password hash and signing keys. The baseline reads them as JSON. */
export interface Material {
  readonly clients: readonly BenchClient[];
  readonly resources: readonly {
    readonly identifier: string;
    readonly alg: 'ES256' | 'RS256';
    readonly scope: string;
  }[];
  readonly users: readonly { readonly email: string; readonly claims: { readonly sub: string } }[];
  readonly password: string;
  readonly passwordHash: string;
  readonly jwks: readonly object[];
}

interface BenchClient {
  readonly client_id: string;
  readonly client_secret: string;
  readonly grant_types: readonly ('authorization_code' | 'client_credentials' | 'refresh_token')[];
  readonly redirect_uris: readonly string[];
  readonly resources: readonly string[];
}

const secret = 'bench-secret-of-more-than-thirty-two-characters';
const es256Api = 'https://es256.example';
const rs256Api = 'https://rs256.example';

/** Who calls: a service without an API (opaque tokens), one with two (JWTs), and a web app. */
export const clients = {
  opaque: {
    client_id: 'opaque-service',
    client_secret: secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    resources: [],
  },
  jwt: {
    client_id: 'jwt-service',
    client_secret: secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    resources: [es256Api, rs256Api],
  },
  web: {
    client_id: 'web-app',
    client_secret: secret,
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: ['https://app.example/callback'],
    resources: [],
  },
} as const satisfies Record<string, BenchClient>;

export const apis = { ES256: es256Api, RS256: rs256Api } as const;

const userCount = 100;

/** Fills the data folder of a Postern that is not running, and returns what the baseline needs to be its like. */
export async function layIn(env: NodeJS.ProcessEnv, folder: string): Promise<Material> {
  const ids = createIds(systemClock, systemRandom);
  const base = { config: loadConfig({ env, cwd: folder }), clock: systemClock, random: systemRandom, ids };
  const store = await openStore(base);
  try {
    const core = await composeCore({ ...base, ...store });
    await core.signingKeys.ensure();
    return await fill(core);
  } finally {
    await store.database.close();
  }
}

async function fill(core: CoreFeatures): Promise<Material> {
  for (const identifier of [es256Api, rs256Api]) {
    const signing_alg = identifier === es256Api ? 'ES256' : 'RS256';
    const scopes = [{ name: 'api', description: 'Use the API' }];
    await core.clients.upsertResource({ identifier, access_token_format: 'jwt', signing_alg, scopes }, byOperator);
  }
  await core.clients.reload();
  for (const { grant_types, redirect_uris, resources, ...client } of Object.values(clients)) {
    const lists = { grant_types: [...grant_types], redirect_uris: [...redirect_uris], resources: [...resources] };
    const how = { token_endpoint_auth_method: 'client_secret_post', first_party: true } as const;
    await core.clients.create({ ...client, ...lists, ...how }, byOperator);
  }
  const password = 'a password of the bench';
  const passwordHash = await hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  return {
    clients: Object.values(clients),
    resources: [
      { identifier: es256Api, alg: 'ES256', scope: 'api' },
      { identifier: rs256Api, alg: 'RS256', scope: 'api' },
    ],
    users: await addUsers(core, passwordHash),
    password,
    passwordHash,
    jwks: core.signingKeys.current().active.map(({ privateJwk }) => ({ ...privateJwk, use: 'sig' })),
  };
}

async function addUsers(core: CoreFeatures, passwordHash: string): Promise<Material['users']> {
  const users: Material['users'][number][] = [];
  for (let index = 0; index < userCount; index += 1) {
    const email = `person${index}@example.org`;
    // With an administrator no start makes a set-up link, which would be audited while we count.
    const roles = index === 0 ? ['super-admin' as const] : [];
    const user = await core.users.create({ email, email_verified: true, roles }, byOperator, async (id) =>
      core.passwords.fromHash(id, passwordHash, byOperator),
    );
    users.push({ email, claims: claimsOf(user) });
  }
  return users;
}
