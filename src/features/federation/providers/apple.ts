import { type Json, type Preset, standardMapping } from './preset.ts';

/**
 * Sign in with Apple. Whoever asks for a name or an address is answered by a form that Apple's page posts:
 * https://developer.apple.com/documentation/signinwithapplerestapi/request-an-authorization-to-the-sign-in-with-apple-server
 */
export const apple: Preset = {
  title: 'Apple',
  protocol: 'oidc',
  issuer: 'https://appleid.apple.com',
  scopes: ['openid', 'name', 'email'],
  authentication: 'client_secret_post',
  parameters: { response_mode: 'form_post' },
  formPost: true,
  userInfo: false,
  // The name comes once, beside the code, in a parameter `user` that nothing signs.
  mapping: { ...standardMapping, given_name: 'user.name.firstName', family_name: 'user.name.lastName' },
  // "A String or Boolean value": https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple
  isEmailVerified: (claims: Json) => claims['email_verified'] === true || claims['email_verified'] === 'true',
};
