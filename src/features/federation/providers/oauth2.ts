import { type Preset, standardMapping } from './preset.ts';

/** Any OAuth 2.0 provider with an address that says who an access token is for. The operator names its endpoints. */
export const oauth2: Preset = {
  title: 'OAuth 2.0',
  protocol: 'oauth2',
  scopes: [],
  authentication: 'client_secret_basic',
  mapping: standardMapping,
};
