/** How long a link works, in seconds. */
export const resetLinkSeconds = 30 * 60;

/** The address of the page for a link's secret. The app is where the person goes on afterwards, when they came from one. */
export function resetUrl(issuer: string, secret: string, clientId?: string): string {
  const app = clientId === undefined ? '' : `&app=${encodeURIComponent(clientId)}`;
  return `${issuer}/reset?key=${secret}${app}`;
}
