import { describe, expect, it } from 'vitest';
import { axeViolations } from '../kit/axe.ts';
import {
  all,
  complaintsAbout,
  distinctNames,
  isIn,
  isLong,
  layoutFaults,
  openGallery,
  type Share,
  takePicture,
} from './gallery.ts';
import type { Look } from './kit.ts';

/** What differs from another sample in its words alone is looked at once, with axe, unless there is time. */
const distinct = distinctNames();
const only = isLong ? {} : { only: distinct };
/**
 * Axe takes most of the time: each sample sees it in one of two looks that differ in everything, and is looked at in
 * three; in the long run in all.
 */
const half = (from: number): Share => (isLong ? all : { of: 2, from });
const looks: readonly (Look & {
  readonly share: Share;
  readonly axe?: Share;
  readonly only?: ReadonlySet<string>;
})[] = [
  { width: 390, scheme: 'light', share: all, axe: half(0) },
  { width: 390, scheme: 'dark', share: half(1), ...only, ...(isLong ? { axe: all } : {}) },
  { width: 1280, scheme: 'light', share: half(0), ...only, ...(isLong ? { axe: all } : {}) },
  { width: 1280, scheme: 'dark', share: all, ...only, axe: half(1) },
];

const gallery = openGallery();

describe('every page in every state', () => {
  for (const look of looks) {
    it(`is accessible, self-contained and within its policy at ${look.width} px, ${look.scheme}`, async () => {
      const complaints = await complaintsAbout(gallery, look, async (page, name, index) => {
        await takePicture(page, `${name}-${look.width}-${look.scheme}`);
        const isOnlyHere = look.only === undefined && !distinct.has(name);
        const axe = look.axe !== undefined && (isOnlyHere || isIn(look.axe, index));
        return [...(await layoutFaults(page)), ...(axe ? await axeViolations(page) : [])];
      });
      expect(complaints).toEqual([]);
    });
  }
});
