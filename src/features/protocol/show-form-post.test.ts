import { expect, it } from 'vitest';
import { contextFor } from '../../../test/kit/context.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Clients } from '../clients/module.ts';
import { showFormPost } from './show-form-post.ts';

const views = { render: (page: string, locals: object) => JSON.stringify({ page, ...locals }) } as unknown as Views;
const clients = {
  find: (id: string) => (id === 'shop' ? { metadata: { client_name: 'Shop' } } : undefined),
} as unknown as Clients;

/** What becomes of a body that the library answers with. */
async function shown(body: string, { status = 200, oidc = {} }: { status?: number; oidc?: object } = {}) {
  const ctx = Object.assign(contextFor({ path: '/authorize', state: { language: 'en', formActions: [] } }), { oidc });
  await showFormPost({ views, clients })(ctx as never, async () => {
    ctx.status = status;
    ctx.body = body;
  });
  return ctx;
}
const script = '<script>document.forms[0].submit()</script>';

it('puts the form that posts itself into a page of ours, with its status and every value as it was', async () => {
  const form = `${script}<form method="post" action="https://shop.example/cb?a=1&amp;b=2">
    <input type="hidden" name="error" value="access_denied"/>
    <input type="hidden" name="state" value="&lt;&quot;&#39;&amp;lt;&gt;"/></form>`;
  const params = { redirect_uri: 'https://other.example/cb' };
  const oidc = { client: { clientId: 'shop' }, entities: { Interaction: { params } } };
  const ctx = await shown(form, { status: 400, oidc });
  expect(ctx.status).toBe(400);
  expect(JSON.parse(String(ctx.body))).toEqual({
    page: 'interaction/posting',
    action: 'https://shop.example/cb?a=1&b=2',
    hidden: { error: 'access_denied', state: `<"'&lt;>` },
    app: { name: 'Shop' },
  });
  expect(ctx.state['formActions']).toEqual(['https://shop.example', 'https://other.example']);
});

it('leaves every other answer alone', async () => {
  expect((await shown('<h1>x</h1>')).body).toBe('<h1>x</h1>');
});

it('answers with nothing rather than with a form it does not know', async () => {
  await expect(shown(`${script}<form action="https://shop.example/cb">`)).rejects.toThrow('another form');
});
