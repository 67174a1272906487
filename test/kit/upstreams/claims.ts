import type { Person } from './dialect.ts';
import type { Grant } from './provider.ts';

/** Whether the client asked for this scope. */
export const asked = ({ request }: Grant, scope: string): boolean =>
  request.get('scope')?.split(/[ ,]/).includes(scope) ?? false;

/** Only what is known, and what the person has of their own over it. */
export function known(claims: Record<string, unknown>, { more }: Person): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...claims, ...more }).filter(([, value]) => value !== undefined));
}
