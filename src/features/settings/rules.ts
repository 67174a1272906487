import { z } from 'zod';

/** A whole number within bounds. */
export const whole = (options: { min: number; max: number; standard: number; means: string }) =>
  z.int().min(options.min).max(options.max).default(options.standard).describe(options.means);

/** Something that is off unless an operator switches it on. */
export const onOff = (means: string) => z.boolean().default(false).describe(means);
