import { join } from 'node:path';
import { town, writePlacesFile } from '../kit/places-file.ts';

/** Writes a file of places with the towns of `from`, and returns its path. */
export function writeTowns(folder: string): string {
  const path = join(folder, 'towns.mmdb');
  const cologne = town({ en: 'Cologne', de: 'Köln' }, 'DE', [50.94, 6.96]);
  const santiago = town({ en: 'Santiago' }, 'CL', [-33.45, -70.67]);
  writePlacesFile(path, {
    '192.0.2.0/24': cologne,
    '2001:db8:1::/48': cologne,
    '198.51.100.0/24': town({ en: 'Bonn' }, 'DE', [50.73, 7.1]),
    '203.0.113.0/24': santiago,
    '2001:db8:2::/48': santiago,
  });
  return path;
}

/** What a trusted proxy says of a caller from there. */
const via = (address: string) => ({ 'x-forwarded-for': address });
export const from = {
  cologne: via('192.0.2.10'),
  cologne6: via('2001:db8:1::10'),
  bonn: via('198.51.100.10'),
  santiago: via('203.0.113.10'),
  santiago6: via('2001:db8:2::10'),
} as const;
