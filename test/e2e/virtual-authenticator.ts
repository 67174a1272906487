import type { CDPSession, Page } from 'playwright';

/** A passkey of the device that Chromium plays itself, whose person is there and says yes. */
export async function addAuthenticator(page: Page): Promise<{ cdp: CDPSession; id: string }> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId: id } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { cdp, id };
}

/** With a person who says yes to everything, what is only offered would be taken before a button is pressed. */
export const offersNothing = 'PublicKeyCredential.isConditionalMediationAvailable = async () => false;';
