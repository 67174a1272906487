import { type Clients, unknownReferences } from '../../features/clients/module.ts';
import type { Providers } from '../../features/federation/module.ts';
import type { Passwords } from '../../features/passwords/module.ts';
import type { Settings, SettingsModule } from '../../features/settings/module.ts';
import { loginKey, type Users } from '../../features/users/module.ts';
import { AppError, type FieldErrors } from '../../foundation/errors.ts';
import { type SeedFile, type SeedProblem, sorted } from './seed-file.ts';
import type { Seed } from './seed-schema.ts';

/** What the check of a seed asks. */
export interface SeedCheckApp {
  readonly settings: SettingsModule;
  readonly users: Users;
  readonly passwords: Passwords;
  readonly clients: Clients;
  readonly providers: Providers;
}

/** What is wrong with a seed beyond its form. All problems at once; nothing is changed. */
export async function checkSeed(app: SeedCheckApp, file: SeedFile, resetCredentials: boolean): Promise<SeedProblem[]> {
  return sorted([
    ...settingProblems(app.settings, file),
    ...duplicates(file),
    ...(await passwordProblems(app, file, resetCredentials)),
    ...referenceProblems(app.clients, file),
    ...providerProblems(app.providers, file),
  ]);
}

function settingProblems(settings: SettingsModule, { seed, problem }: SeedFile): SeedProblem[] {
  try {
    settings.preview(seed.settings);
    return [];
  } catch (error) {
    if (!(error instanceof AppError) || error.fields === undefined) throw error;
    return entries(error.fields).map(([name, message]) => problem(['settings', ...name.split('.')], message));
  }
}

function duplicates({ seed, problem }: SeedFile): SeedProblem[] {
  const names: [keyof Seed, string, (string | undefined)[]][] = [
    ['users', 'email', seed.users.map(({ email }) => loginKey(email))],
    ['users', 'username', seed.users.map(({ username }) => loginKey(username ?? ''))],
    ['resources', 'identifier', seed.resources.map(({ identifier }) => identifier)],
    ['providers', 'name', seed.providers.map(({ name }) => name)],
    ['mfa_policies', 'role', seed.mfa_policies.map(({ role }) => role)],
    ['mfa_policies', 'organisation', seed.mfa_policies.map(({ organisation }) => organisation)],
    ['clients', 'client_id', seed.clients.map(({ client_id: clientId }) => clientId)],
  ];
  return names.flatMap(([section, field, values]) =>
    values.flatMap((value, index) =>
      value !== undefined && values.indexOf(value) < index ? [problem([section, index, field], 'is there twice')] : [],
    ),
  );
}

/** Only passwords that would be set count: those of accounts that are there already stay as they are. */
async function passwordProblems(
  app: SeedCheckApp,
  { seed, problem }: SeedFile,
  resetCredentials: boolean,
): Promise<SeedProblem[]> {
  const planned = plannedSettings(app.settings, seed.settings);
  const problems: SeedProblem[] = [];
  for (const [index, { password, email, username, claims }] of seed.users.entries()) {
    if (password === undefined) continue;
    if (!resetCredentials && (await app.users.findByLogin(email)) !== undefined) continue;
    const refused = await app.passwords.problem(password, { email, username, claims }, planned);
    if (refused) problems.push(problem(['users', index, 'password'], refused.text));
  }
  return problems;
}

/** The policy that will hold; today's where the seed's settings are refused anyway. */
function plannedSettings(settings: SettingsModule, changes: Seed['settings']): Settings | undefined {
  try {
    return settings.planned(changes);
  } catch (error) {
    if (error instanceof AppError && error.fields !== undefined) return undefined;
    throw error;
  }
}

function referenceProblems(clients: Clients, { seed, problem }: SeedFile): SeedProblem[] {
  const planned = new Set(seed.resources.map(({ identifier }) => identifier));
  const kept = clients.resources().filter(({ identifier }) => !planned.has(identifier));
  return seed.clients.flatMap((client, index) =>
    entries(unknownReferences(client, [...kept, ...seed.resources])).map(([field, message]) =>
      problem(['clients', index, field], message),
    ),
  );
}

/** What goes beyond the form of one: a secret that must be there. */
function providerProblems(providers: Providers, { seed, problem }: SeedFile): SeedProblem[] {
  return seed.providers.flatMap((provider, index) => {
    try {
      providers.preview(provider);
      return [];
    } catch (error) {
      if (!(error instanceof AppError) || error.fields === undefined) throw error;
      return entries(error.fields).map(([field, message]) => problem(['providers', index, field], message));
    }
  });
}

const entries = (fields: FieldErrors): [string, string][] => Object.entries(fields);
