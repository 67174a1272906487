import { describe, expect, it } from 'vitest';
import { all, complaintsAbout, isLong, layoutFaults, openGallery, type Share, takePicture } from './gallery.ts';

/**
 * The longest words, the script without spaces and the one from right to left, each on another third of the samples; the
 * long run sees every language on all.
 */
const translations: readonly (readonly [string, Share])[] = isLong
  ? ['ar', 'de', 'es', 'fr', 'ja', 'pt', 'zh-Hans'].map((language) => [language, all] as const)
  : ['ar', 'de', 'ja'].map((language, from) => [language, { of: 3, from }] as const);

const gallery = openGallery();

describe('every page in every language', () => {
  it.each(translations)(
    'keeps everything on the page in %s, also with text twice as large',
    async (language, share) => {
      const visit = { looks: [{ width: 390, scheme: 'light' }], language, share } as const;
      const complaints = await complaintsAbout(gallery, visit, async ({ page, name }) => {
        await takePicture(page, `${language}-${name}-390-light`);
        const faults = await layoutFaults(page);
        await page.evaluate("document.documentElement.style.fontSize = '200%'");
        return [...faults, ...(await layoutFaults(page))];
      });
      expect(complaints).toEqual([]);
    },
  );
});
