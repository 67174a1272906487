import { expect, it } from 'vitest';
import {
  accessibilityFaults,
  complaintsAbout,
  distinctNames,
  isLong,
  layoutFaults,
  openGallery,
  takePicture,
  takesPictures,
} from './gallery.ts';
import type { Look } from './kit.ts';

/** What differs from another sample in its words alone is looked at once, with axe, unless there is time. */
const distinct = distinctNames();
/** Axe takes most of the time: each sample sees it in one of the two looks that differ in everything; in the long run in all. */
const opposites: readonly Look[] = [
  { width: 390, scheme: 'light' },
  { width: 1280, scheme: 'dark' },
];
const looks: readonly Look[] =
  isLong || takesPictures
    ? [...opposites, { width: 1280, scheme: 'light' }, { width: 390, scheme: 'dark' }]
    : opposites;

const gallery = openGallery();

it('every page in every state is accessible, self-contained and within its policy, in every look', async () => {
  const complaints = await complaintsAbout(gallery, { looks }, async ({ page, name, index, look }) => {
    const isOnce = !isLong && !distinct.has(name);
    if (isOnce && look !== looks[0]) return [];
    await takePicture(page, `${name}-${look.width}-${look.scheme}`);
    const axe = isLong || isOnce || look === opposites[index % 2];
    return [...(await layoutFaults(page)), ...(axe ? await accessibilityFaults(page) : [])];
  });
  expect(complaints).toEqual([]);
});
