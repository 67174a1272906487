interface Asked {
  readonly grant_types: readonly string[];
  readonly token_endpoint_auth_method: string;
  readonly backchannel_token_delivery_mode?: 'poll' | 'ping' | undefined;
  readonly backchannel_client_notification_endpoint?: string | undefined;
}

/** OpenID Connect CIBA Core §4: who asks for people by name proves who they are, and who is called says where. */
export function cibaProblems(client: Asked): [keyof Asked, string][] {
  const { backchannel_token_delivery_mode: mode, backchannel_client_notification_endpoint: endpoint } = client;
  const asks = client.grant_types.includes('urn:openid:params:grant-type:ciba');
  const rules: [boolean, keyof Asked, string][] = [
    [
      asks && client.token_endpoint_auth_method === 'none',
      'grant_types',
      'urn:openid:params:grant-type:ciba needs a client that authenticates',
    ],
    [!asks && mode !== undefined, 'backchannel_token_delivery_mode', 'needs urn:openid:params:grant-type:ciba'],
    [mode === 'ping' && endpoint === undefined, 'backchannel_client_notification_endpoint', 'is needed for ping'],
    [mode !== 'ping' && endpoint !== undefined, 'backchannel_client_notification_endpoint', 'is for ping alone'],
  ];
  return rules.filter(([applies]) => applies).map(([, field, message]) => [field, message]);
}
