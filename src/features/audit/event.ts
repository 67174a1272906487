/** Every event type there is, with the sentence that the reference page and `postern audit` explain it by. */
export const eventTypes = {
  'session.started': 'A person signed in.',
  'session.ended': 'A sign-in session ended: by sign-out, by an administrator, or with the account.',
  'signal.raised':
    'A sign-in session was used in an odd way; `reason` says which, `details` by what it was judged. Denied: its person had to show once more who they are.',
  'signin.requested':
    'Somebody asked for a code or link to sign in by e-mail; refused when there is nobody to send it to.',
  'signin.failed':
    'A sign-in was refused: wrong password, code or passkey, unknown or disabled account, or too many tries.',
  'identity.verified': 'A person signed in with an identity at another provider, or took that step of a sign-in.',
  'identity.linked': 'An identity at another provider was connected to an account.',
  'identity.unlinked': 'An identity at another provider was taken off an account.',
  'identity.token_retrieved':
    'An app asked for the tokens of a person at another provider; refused or failed as the reason says.',
  'identity.tokens_lost':
    'Another provider did not take the refresh token of a person any more; what was kept was removed.',
  'identity.tokens_revoked': 'Another provider was told that tokens of a person are not to work any more.',
  'federation.refused':
    'A sign-in with another provider came to nothing: declined, not answered as it should be, forged, or not allowed here.',
  'provider.created': 'An identity provider was registered.',
  'provider.updated': 'An identity provider was changed.',
  'consent.granted': 'A person allowed an app what it asked for.',
  'consent.denied': 'A person declined, or went back to the app.',
  'consent.revoked': 'What an app had been allowed was taken back.',
  'token.issued': 'Tokens were issued to a client.',
  'token.refused': 'A request for tokens was refused.',
  'token.revoked': 'A token was revoked, and what hangs on it.',
  'token.introspection_refused': 'A question about a token was refused.',
  'refresh.reused': 'A used refresh token came again after its grace window; its whole family ended.',
  'code.reused': 'A used authorization code came again after its window; what it yielded ended.',
  'request.pushed': 'A client pushed an authorization request.',
  'request.refused': 'An authorization request was refused before anybody signed in.',
  'device.started': 'A device asked for a code to be confirmed elsewhere.',
  'device.confirmed': 'A person connected a device.',
  'device.denied': 'A person declined to connect a device.',
  'approval.requested':
    'An app asked a person for something while they are elsewhere (CIBA); the reason says when there is no such person.',
  'approval.granted': 'A person allowed it.',
  'approval.denied': 'A person declined it.',
  'approval.notice_delivered': 'An app was told that the person has decided.',
  'approval.notice_failed': 'An app could not be told that the person has decided; no further tries are made.',
  'logout.notice_delivered': 'A relying app was told that a session ended.',
  'logout.notice_failed': 'A relying app could not be told that a session ended; no further tries are made.',
  'mail.delivered': 'The mail server took a mail.',
  'mail.failed': 'A mail could not be sent; no further tries are made.',
  'user.created': 'An account was created.',
  'user.updated': 'An account was changed.',
  'user.email_change_requested': 'A person asked for another address; it takes effect when its owner has confirmed it.',
  'user.email_change_refused': 'A person asked for an address that somebody else has, who was told of it.',
  'user.email_changed': 'The address of an account was changed to one that its person had confirmed.',
  'user.email_restored':
    'A change of address was taken back from the former one; sessions and tokens ended, and the password was taken away.',
  'user.exported': 'A person downloaded what is held on them.',
  'user.deletion_requested': 'A person asked for their account to be deleted; they are refused from then on.',
  'user.deletion_undone': 'A person called the deletion of their account off.',
  'user.erased': 'An account was erased with all that was held on the person; the audit names them by id only.',
  'user.disabled': 'An account was disabled; its sessions and tokens ended.',
  'user.enabled': 'A disabled account was enabled.',
  'user.signed_out': 'All sessions of a person were ended by an operator.',
  'device.new': 'A person signed in with a browser that their account had not been used with before.',
  'account.disowned':
    'A person said that a sign-in was not theirs; sessions, tokens and known browsers ended, and the password was taken away.',
  'device.remembered': 'A person said that a browser may skip the second factor for a while.',
  'device.forgotten': 'A person took that back.',
  'account.locked': 'An account was locked after too many tries, except on devices that it knows.',
  'account.unlocked': 'A locked account was opened: by a link, a new password or an operator.',
  'attack.spraying': 'Many accounts were tried in vain, from one address or from many; those are slowed down.',
  'password.changed': 'A password was set.',
  'password.reset': 'A person set a new password by a link; sessions and tokens ended.',
  'reset.requested': 'Somebody asked for a link to set a new password; refused when there is nobody to send it to.',
  'factor.added': 'A person set up a second factor.',
  'factor.removed': 'A person removed a second factor.',
  'factor.renamed': 'A person gave a passkey another name.',
  'factor.verified': 'A person took the second step of a sign-in, or signed in by passkey, by the named method.',
  'factor.reset': 'All second factors of a person were removed by an operator.',
  'recovery.regenerated': 'A person got new recovery codes; the former ones ended.',
  'registration.requested': 'Somebody filled in the form for an account; refused when the address has one.',
  'role.assigned': 'A person was given a role.',
  'admin.created': 'A person became an administrator.',
  'link.created': 'A link that works once was made.',
  'client.created': 'A client was registered.',
  'client.updated': 'A client was changed.',
  'client.secret_rotated': 'A client got a new secret.',
  'client.disabled': 'A client was disabled.',
  'client.enabled': 'A disabled client was enabled.',
  'resource.created': 'An API was registered.',
  'resource.updated': 'An API or its scopes were changed.',
  'key.created': 'A signing key was made and published.',
  'key.rotated': 'A signing key took over from the one before it.',
  'key.removed': 'A retired signing key was removed: no token that it signed is alive.',
  'key.compromised': 'A signing key was removed at once; what it signed is no longer honoured.',
  'settings.changed': 'Settings were changed.',
  'mfa_policy.changed':
    'An operator said how strictly people of a role or an organisation are held to a second factor.',
  'access.denied': 'Somebody asked for what they may not have.',
} as const satisfies Record<string, string>;

export type AuditEventType = keyof typeof eventTypes;

export type Outcome = 'success' | 'failure' | 'denied';

/** Who did it. `id` is a user's or client's id; `name` is the service token's name: the client's or the API key's. */
export interface Actor {
  readonly kind: 'user' | 'client' | 'api-key' | 'system' | 'anonymous';
  readonly id?: string | undefined;
  readonly name?: string | undefined;
}

/** What happened. People are referred to by id only, never by e-mail or name; an unknown login by its HMAC. */
export interface AuditEvent {
  readonly type: AuditEventType;
  readonly outcome: Outcome;
  /** A short code such as `wrong_password`, not a sentence. */
  readonly reason?: string | undefined;
  readonly actor: Actor;
  /** The id of the person whom it concerns. */
  readonly subject?: string | undefined;
  /** The id of the client that it concerns. */
  readonly client?: string | undefined;
  readonly session?: string | undefined;
  /** Anything else that helps to understand it. Never a secret, code, token or password. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  /** How many equal events this one stands for; absent means one. */
  readonly count?: number | undefined;
}

/** Where a request came from, for its events. Commands have none. */
export interface RequestFacts {
  readonly ip?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly requestId?: string | undefined;
  readonly traceId?: string | undefined;
}

/** Who changes something and through which request: what every changing use case takes as `by`. */
export interface By {
  readonly actor: Actor;
  readonly facts: RequestFacts;
}

/** What an operator does at the command line. */
export const byOperator: By = { actor: { kind: 'system', name: 'command line' }, facts: {} };

/** An event as it is stored and shown (`postern audit --json`). */
export interface RecordedEvent {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly type: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly actor: { readonly kind: string; readonly id?: string; readonly name?: string };
  readonly subject?: string;
  readonly client?: string;
  readonly session?: string;
  readonly ip?: string;
  readonly user_agent?: string;
  readonly request_id?: string;
  readonly trace_id?: string;
  /** `details.count` (absent means one) says how many equal events this one stands for. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Which events to show. All conditions must hold. */
export interface AuditFilter {
  /** A person's id: events about them and by them. */
  readonly user?: string | undefined;
  /** A person's id: events about them only, whoever did it. */
  readonly subject?: string | undefined;
  readonly client?: string | undefined;
  readonly request?: string | undefined;
  readonly type?: string | undefined;
  /** Types to leave out. */
  readonly without?: readonly string[] | undefined;
  /** An event's id: only what came before it. */
  readonly before?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly since?: number | undefined;
  /** At most this many, the newest; 1 to 10 000. */
  readonly limit: number;
}

/** By what refusals before authentication are told apart: one row a minute each. */
export interface RefusalKey {
  readonly address?: string | undefined;
  /** The client id as claimed by the stranger. */
  readonly client?: string | undefined;
  readonly reason: string;
}
