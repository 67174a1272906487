import { AppError } from '../errors.ts';

export type GeoErrorCode = 'geoip_unusable';

/** The operator's file of places cannot be used; everything goes on without places. */
export const geoipUnusable = (file: string, why: string, cause?: unknown): AppError<GeoErrorCode> =>
  new AppError('geoip_unusable', 500, `The file of places ${file} ${why}. Places are left out until it is mended.`, {
    cause,
  });
