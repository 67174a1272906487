import type { AuditEventType, RecordedEvent } from './event.ts';

/** What each event says, after the name of whoever did it. A part in brackets is left out when its name is missing. */
const phrases: Readonly<Record<AuditEventType, string>> = {
  'session.started': 'signed in[ to {client}]',
  'session.ended': 'ended a sign-in session[ of {subject}]',
  'signal.raised': 'saw a sign-in[ of {subject}] used in an odd way',
  'signin.requested': 'asked for a mail to sign in[ as {subject}]',
  'signin.failed': 'could not sign in[ to {client}]',
  'identity.verified': 'proved to be somebody at another provider[ for {client}]',
  'identity.linked': 'connected an identity at another provider[ to {subject}]',
  'identity.unlinked': 'took an identity at another provider off the account[ of {subject}]',
  'identity.token_retrieved': 'asked for tokens at another provider[ of {subject}]',
  'identity.tokens_lost': 'removed tokens[ of {subject}] that another provider took no more',
  'identity.tokens_revoked': 'told another provider to take tokens back',
  'federation.refused': 'was refused a sign-in with another provider[ as {subject}]',
  'provider.created': 'registered an identity provider',
  'provider.updated': 'changed an identity provider',
  'consent.granted': 'allowed[ {client}] what it asked for',
  'consent.denied': 'declined what[ {client}] asked for',
  'consent.revoked': 'took back what[ {client}] had been allowed',
  'token.issued': 'got tokens[ for {subject}]',
  'token.refused': 'was refused tokens',
  'token.revoked': 'revoked a token[ of {subject}]',
  'token.introspection_refused': 'asked about a token and was refused',
  'refresh.reused': 'sent a used refresh token again; everything issued with it has ended',
  'code.reused': 'sent a used authorization code again; what it yielded has ended',
  'request.pushed': 'pushed an authorization request',
  'request.refused': 'was refused an authorization request[ for {client}]',
  'device.started': 'started to connect a device',
  'device.confirmed': 'connected a device[ to {client}]',
  'device.denied': 'declined to connect a device[ to {client}]',
  'approval.requested': 'asked[ {subject}] to allow something',
  'approval.granted': 'allowed[ {client}] what it had asked for from elsewhere',
  'approval.denied': 'declined what[ {client}] had asked for from elsewhere',
  'approval.notice_delivered': 'told[ {client}] that its request was decided',
  'approval.notice_failed': 'gave up telling[ {client}] that its request was decided',
  'logout.notice_delivered': 'told[ {client}] that a session[ of {subject}] ended',
  'logout.notice_failed': 'gave up telling[ {client}] that a session[ of {subject}] ended',
  'mail.delivered': 'handed a mail[ for {subject}] to the mail server',
  'mail.failed': 'gave up sending a mail[ to {subject}]',
  'user.created': 'created the account[ {subject}]',
  'user.updated': 'changed the account[ {subject}]',
  'user.email_change_requested': 'asked for another address',
  'user.email_change_refused': 'asked for the address[ of {subject}]',
  'user.email_changed': 'changed the address of the account',
  'user.email_restored': 'took a change of address back[ for {subject}]; everything held before has ended',
  'user.exported': 'downloaded what is held on them',
  'user.deletion_requested': 'asked for the account[ {subject}] to be deleted',
  'user.deletion_undone': 'called the deletion[ of {subject}] off',
  'user.erased': 'erased the account[ {subject}]',
  'user.disabled': 'disabled the account[ {subject}]',
  'user.enabled': 'enabled the account[ {subject}]',
  'user.signed_out': 'signed out[ {subject}] everywhere',
  'device.new': 'signed in with a new browser',
  'account.disowned': 'said that a sign-in[ of {subject}] was not theirs; everything has ended',
  'device.remembered': 'lets a browser skip the second step',
  'device.forgotten': 'no longer lets a browser skip the second step',
  'account.locked': 'locked the account[ of {subject}] after too many tries',
  'account.unlocked': 'unlocked the account[ of {subject}]',
  'attack.spraying': 'saw many accounts tried in vain',
  'password.changed': 'set the password[ of {subject}]',
  'password.reset': 'set a new password[ for {subject}] by a link; everything held before has ended',
  'reset.requested': 'asked for a link to set a new password[ for {subject}]',
  'factor.added': 'set up a second factor',
  'factor.removed': 'removed a second factor',
  'factor.renamed': 'gave a passkey another name',
  'factor.verified': 'showed a second factor or passkey[ to {client}]',
  'factor.reset': 'removed all second factors[ of {subject}]',
  'recovery.regenerated': 'got new recovery codes',
  'registration.requested': 'asked for an account',
  'role.assigned': 'gave[ {subject}] a role',
  'admin.created': 'made[ {subject}] an administrator',
  'link.created': 'made a link that works once',
  'client.created': 'registered[ {client}]',
  'client.updated': 'changed[ {client}]',
  'client.secret_rotated': 'gave[ {client}] a new secret',
  'client.disabled': 'disabled[ {client}]',
  'client.enabled': 'enabled[ {client}]',
  'resource.created': 'registered an API',
  'resource.updated': 'changed an API',
  'key.created': 'made a signing key',
  'key.rotated': 'let a new signing key take over',
  'key.removed': 'removed a retired signing key',
  'key.compromised': 'removed a compromised signing key',
  'settings.changed': 'changed settings',
  'mfa_policy.changed': 'changed who is held to a second factor',
  'access.denied': 'asked for something and was refused',
};

const kinds: Readonly<Record<string, string>> = {
  user: 'person',
  client: 'app',
  'api-key': 'API key',
  system: 'Postern',
  anonymous: 'somebody',
};

/** One line in words: when, who, what, why, from where, and details that are not obvious. */
export function tell(event: RecordedEvent): string {
  const { count, ...details } = event.details;
  const more = Object.entries(details).map(([name, value]) => `${name} ${brief(value)}`);
  const parts = [
    `${event.time}  ${who(event)} ${what(event)}`,
    event.reason === undefined ? '' : `: ${event.reason.replaceAll('_', ' ')}`,
    typeof count === 'number' ? `, ${count} times within a minute` : '',
    event.ip === undefined ? '' : `, from ${event.ip}`,
    event.request_id === undefined ? '' : `, request ${event.request_id}`,
    more.length === 0 ? '' : ` (${more.join(', ')})`,
  ];
  // One event is one line: nothing that came from outside may begin another, or colour a terminal.
  return parts.join('').replaceAll(/\p{Cc}/gu, ' ');
}

function who({ actor }: RecordedEvent): string {
  const kind = kinds[actor.kind] ?? actor.kind;
  const name = actor.name ?? actor.id;
  return name === undefined ? kind : `${kind} ${name}`;
}

function what(event: RecordedEvent): string {
  const names: Record<string, string | undefined> = {
    client: event.client,
    subject: event.subject === event.actor.id ? undefined : event.subject,
  };
  const phrase = Object.hasOwn(phrases, event.type) ? phrases[event.type as AuditEventType] : event.type;
  return phrase.replaceAll(/\[([^\]]*)\{(\w+)\}([^\]]*)\]/g, (_, before: string, name: string, after: string) => {
    const value = names[name];
    if (value === undefined) return '';
    return `${before}${name === 'client' ? 'app ' : 'person '}${value}${after}`;
  });
}

const brief = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
