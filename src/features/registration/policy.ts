import type { Mail } from '../../foundation/mail/mail.ts';
import type { SettingsModule } from '../settings/module.ts';

export interface PolicyParts {
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly mail: Pick<Mail, 'isOn'>;
}

/** Whether people may register by themselves: it takes a mail server to confirm an address. */
export function isOffered({ settings, mail }: PolicyParts): boolean {
  const { mode } = settings.current().registration;
  return mail.isOn && (mode === 'open' || mode === 'domains');
}

/** Whether people may make accounts with an address, or at all, once somebody has shown that it is theirs. */
export function registersAlone(email: string | undefined, parts: Pick<PolicyParts, 'settings'>): boolean {
  const { mode } = parts.settings.current().registration;
  if (mode !== 'open' && mode !== 'domains') return false;
  return email === undefined || isAllowed(email, parts);
}

/** Whether an address may be registered. */
export function isAllowed(email: string, { settings }: Pick<PolicyParts, 'settings'>): boolean {
  const { mode, domains } = settings.current().registration;
  const domain = email.slice(email.lastIndexOf('@') + 1).toLowerCase();
  return mode !== 'domains' || domains.some((one) => one.toLowerCase() === domain);
}
