import { expect, it } from 'vitest';
import { axeViolations } from '../kit/axe.ts';
import { complaintsAbout, distinctNames, isLong, layoutFaults, openGallery, takePicture } from './gallery.ts';
import type { Look } from './kit.ts';

/** What differs from another sample in its words alone is looked at once, with axe, unless there is time. */
const distinct = distinctNames();
/** Axe takes most of the time: each sample sees it in one of two looks that differ in everything; in the long run in all. */
const looks: readonly (Look & { readonly axeFrom?: number })[] = [
  { width: 390, scheme: 'light', axeFrom: 0 },
  { width: 390, scheme: 'dark' },
  { width: 1280, scheme: 'dark', axeFrom: 1 },
  { width: 1280, scheme: 'light' },
];

const gallery = openGallery();

it('every page in every state is accessible, self-contained and within its policy, in every look', async () => {
  const complaints = await complaintsAbout(gallery, { looks }, async ({ page, name, index, look }) => {
    const isOnce = !isLong && !distinct.has(name);
    if (isOnce && look !== looks[0]) return [];
    await takePicture(page, `${name}-${look.width}-${look.scheme}`);
    const axe = isLong || isOnce || index % 2 === look.axeFrom;
    return [...(await layoutFaults(page)), ...(axe ? await axeViolations(page) : [])];
  });
  expect(complaints).toEqual([]);
});
