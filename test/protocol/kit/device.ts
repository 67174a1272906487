import { Browser, type Page } from '../../kit/browser.ts';
import type { Product, TestUser } from '../../kit/product.ts';
import { type Answer, RelyingApp, walk } from '../../kit/relying-app.ts';

export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** A device that has no browser of its own. */
export async function addDevice(product: Product, more: object = {}): Promise<RelyingApp> {
  const client = {
    client_name: 'Television',
    grant_types: [deviceGrant, 'refresh_token'] as const,
    token_endpoint_auth_method: 'none' as const,
  };
  return new RelyingApp(
    product.url,
    await product.addClient({ ...client, grant_types: [...client.grant_types], ...more }),
  );
}

export interface DeviceCodes {
  readonly userCode: string;
  readonly deviceCode: string;
  readonly complete: string;
}

export async function startDevice(device: RelyingApp, parameters: Record<string, string> = {}): Promise<DeviceCodes> {
  const { body } = await device.post('/device/authorize', { scope: 'openid', ...parameters });
  return {
    userCode: String(body['user_code']),
    deviceCode: String(body['device_code']),
    complete: String(body['verification_uri_complete']),
  };
}

export const poll = (device: RelyingApp, { deviceCode }: Pick<DeviceCodes, 'deviceCode'>): Promise<Answer> =>
  device.token({ grant_type: deviceGrant, device_code: deviceCode });

/** Types the user code and goes on to the page that asks whether to connect. */
export async function typeCode(product: Product, browser: Browser, userCode: string): Promise<Page> {
  return browser.submit(await browser.open(`${product.url}/device`), 'device-submit', { user_code: userCode });
}

/** The whole of what a person does: type the code, confirm, sign in, allow. Returns the last page. */
export async function approve(
  product: Product,
  user: TestUser,
  codes: DeviceCodes,
  browser = new Browser(),
): Promise<Page> {
  const confirm = await typeCode(product, browser, codes.userCode);
  return walk(browser, await browser.submit(confirm, 'device-confirm'), user);
}
