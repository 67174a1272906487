/** What the caller is told when an operation of its unit found that somebody else was first. */
export interface Loss {
  readonly status: number;
  /** The error code of the RFC that governs the endpoint. */
  readonly error: string;
  readonly description: string;
  /** How to authenticate after a 401; `Basic` where absent. */
  readonly scheme?: string;
}

/** The closed list of losses. Each is the answer that the loser would have got, had it come a moment later. */
export const losses = {
  grant: { status: 400, error: 'invalid_grant', description: 'grant request is invalid' },
  pushedRequest: {
    status: 400,
    error: 'invalid_request_uri',
    description: 'request_uri is invalid, expired, or was already used',
  },
  requestObject: { status: 400, error: 'invalid_request_object', description: 'the request object was already used' },
  assertion: { status: 401, error: 'invalid_client', description: 'client authentication failed' },
  proof: { status: 400, error: 'invalid_grant', description: 'DPoP proof JWT Replay detected' },
  proofAtApi: { status: 401, error: 'invalid_token', description: 'invalid token provided', scheme: 'DPoP' },
  session: { status: 400, error: 'session_ended', description: 'this sign-in has ended' },
  interaction: { status: 400, error: 'session_not_found', description: 'this step was already taken' },
  tooMany: {
    status: 429,
    error: 'too_many_requests',
    description: 'too many requests from this address; try again later',
  },
} as const satisfies Record<string, Loss>;
