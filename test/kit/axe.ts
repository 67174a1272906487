import axe from 'axe-core';
import type { Page } from 'playwright';

/**
 * What axe finds on the page as it is now, by every rule it has, or by those with these tags. It is run where the page is: by way of its own
 * driver each page takes twice as long, for frames that we have none of.
 */
export async function axeViolations(page: Page, tags?: readonly string[]): Promise<string[]> {
  const options = { resultTypes: ['violations'], ...(tags ? { runOnly: tags } : {}) };
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axe.source);
  const violations = (await page.evaluate(
    `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations)`,
  )) as axe.Result[];
  return violations.map(({ id, nodes }) => `axe ${id} at ${nodes.map(({ target }) => target).join(', ')}`);
}
