import type { Dialect } from './dialect.ts';
import { apple } from './dialects/apple.ts';
import { discord } from './dialects/discord.ts';
import { genericOauth2, genericOidc } from './dialects/generic.ts';
import { github, githubEnterpriseServer } from './dialects/github.ts';
import { gitlab } from './dialects/gitlab.ts';
import { google } from './dialects/google.ts';
import { microsoft } from './dialects/microsoft.ts';
import { spotify } from './dialects/spotify.ts';

export type ProviderName =
  | 'google'
  | 'microsoft'
  | 'github'
  | 'discord'
  | 'spotify'
  | 'apple'
  | 'gitlab'
  | 'oidc'
  | 'oauth2';

/** Every provider that a stand-in can speak as. */
export const dialects: Readonly<Record<ProviderName | 'github-enterprise-server', Dialect>> = {
  google,
  microsoft,
  github,
  'github-enterprise-server': githubEnterpriseServer,
  discord,
  spotify,
  apple,
  gitlab,
  oidc: genericOidc,
  oauth2: genericOauth2,
};
