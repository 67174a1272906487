/** How long an invitation works, in seconds. */
export const invitationSeconds = 7 * 24 * 60 * 60;

/** The address of the page for an invitation's secret. */
export const invitationUrl = (issuer: string, secret: string): string => `${issuer}/invitation?key=${secret}`;
