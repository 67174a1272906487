import { describe, expect, it } from 'vitest';
import { axeViolations } from '../kit/axe.ts';
import { all, complaintsAbout, isIn, isLong, layoutFaults, openGallery, type Share, takePicture } from './gallery.ts';
import type { Look } from './kit.ts';

/** Axe takes most of the time: each sample sees it in one of two looks that differ in everything, in the long run in all. */
const looks: readonly (Look & { readonly axe?: Share })[] = [
  { width: 390, scheme: 'light', axe: isLong ? all : { of: 2, from: 0 } },
  { width: 390, scheme: 'dark', ...(isLong ? { axe: all } : {}) },
  { width: 1280, scheme: 'light', ...(isLong ? { axe: all } : {}) },
  { width: 1280, scheme: 'dark', axe: isLong ? all : { of: 2, from: 1 } },
];

const gallery = openGallery();

describe('every page in every state', () => {
  for (const look of looks) {
    it(`is accessible, self-contained and within its policy at ${look.width} px, ${look.scheme}`, async () => {
      const complaints = await complaintsAbout(gallery, look, async (page, name, index) => {
        await takePicture(page, `${name}-${look.width}-${look.scheme}`);
        const axe = look.axe !== undefined && isIn(look.axe, index);
        return [...(await layoutFaults(page)), ...(axe ? await axeViolations(page) : [])];
      });
      expect(complaints).toEqual([]);
    });
  }
});
