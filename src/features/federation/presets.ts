import { apple } from './providers/apple.ts';
import { discord } from './providers/discord.ts';
import { github } from './providers/github.ts';
import { gitlab } from './providers/gitlab.ts';
import { google } from './providers/google.ts';
import { microsoft } from './providers/microsoft.ts';
import { oauth2 } from './providers/oauth2.ts';
import { oidc } from './providers/oidc.ts';
import type { Preset } from './providers/preset.ts';
import { spotify } from './providers/spotify.ts';

/** Every kind of provider, by the `type` of the seed file. */
export const presets = {
  oidc,
  oauth2,
  google,
  microsoft,
  apple,
  gitlab,
  github,
  discord,
  spotify,
} as const satisfies Readonly<Record<string, Preset>>;

export type ProviderType = keyof typeof presets;

/** What is particular about a kind of provider. */
export const presetOf = (type: ProviderType): Preset => presets[type];
