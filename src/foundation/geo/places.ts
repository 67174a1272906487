import { readFileSync } from 'node:fs';
import { Reader, type Response, validate } from 'maxmind';
import { AppError } from '../errors.ts';
import { followFile } from '../follow-file.ts';
import { geoipUnusable } from './errors.ts';
import type { Names, Place, Position } from './place.ts';

/** Finds where addresses are. */
export interface Places {
  /** Undefined where there is no file, or it does not know the address. */
  find(address: string | undefined): Place | undefined;
  /** Stops watching the file. */
  close(): void;
}

export interface PlacesParts {
  /** The operator's file in the MaxMind DB format; without one there are no places. */
  readonly file: string | undefined;
  /** The file was read again after a change. */
  readonly onRead: (facts: PlacesFile) => void;
  /** It cannot be used: `geoip_unusable`. What was read before stays. */
  readonly onUnusable: (error: AppError) => void;
}

/** What a file of places says of itself. */
export interface PlacesFile {
  readonly path: string;
  /** Such as `GeoLite2-City`. */
  readonly kind: string;
  /** When it was made, in milliseconds since the epoch. */
  readonly madeAt: number;
}

/**
 * Places from the operator's own file, read again when it changes. It is never a reason not to serve: without it, or
 * with one that is broken, people are told addresses and no places.
 */
export function openPlaces({ file, onRead, onUnusable }: PlacesParts): Places {
  if (file === undefined) return { find: () => undefined, close: () => undefined };
  let reader: Reader<Response> | undefined;
  const read = (): void => {
    try {
      reader = readerOf(file);
      onRead(factsOf(file, reader));
    } catch (error) {
      onUnusable(asUnusable(file, error));
    }
  };
  const unfollow = followFile(file, read);
  read();
  return {
    find: (address) => (reader === undefined || address === undefined ? undefined : lookUp(reader, address)),
    close: unfollow,
  };
}

/** What the file says of itself, for `postern doctor`. Throws `geoip_unusable`. */
export function inspectPlaces(file: string): PlacesFile {
  try {
    return factsOf(file, readerOf(file));
  } catch (error) {
    throw asUnusable(file, error);
  }
}

function readerOf(file: string): Reader<Response> {
  const reader = new Reader<Response>(readFileSync(file));
  // The description stands at the end and is there, or the reader would have refused; a hole before it shows when it is used.
  reader.get('192.0.2.1');
  return reader;
}

const factsOf = (path: string, { metadata }: Reader<Response>): PlacesFile => ({
  path,
  kind: metadata.databaseType,
  madeAt: metadata.buildEpoch.getTime(),
});

function asUnusable(file: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const isAway = typeof code === 'string' && /^E[A-Z]+$/.test(code);
  return geoipUnusable(
    file,
    isAway ? `cannot be read (${code})` : 'is not in the MaxMind DB format, or not whole',
    error,
  );
}

function lookUp(reader: Reader<Response>, address: string): Place | undefined {
  if (!validate(address)) return undefined;
  try {
    return toPlace(reader.get(address));
  } catch {
    // A page that is broken in the middle of the file: no place is better than no page.
    return undefined;
  }
}

/** The tags under which the format has our languages. */
const fileTags: Readonly<Record<string, string>> = {
  ar: 'ar',
  de: 'de',
  en: 'en',
  es: 'es',
  fr: 'fr',
  ja: 'ja',
  pt: 'pt-BR',
  'zh-Hans': 'zh-CN',
};

/** A record of whoever made the file: nothing of its form is certain. */
function toPlace(record: unknown): Place | undefined {
  const country = field(field(record, 'country') ?? field(record, 'registered_country'), 'iso_code');
  const regions = field(record, 'subdivisions');
  const place = {
    country: typeof country === 'string' && /^[A-Z]{2}$/.test(country) ? country : undefined,
    region: namesOf(Array.isArray(regions) ? regions[0] : undefined),
    city: namesOf(field(record, 'city')),
    position: positionOf(field(record, 'location')),
  };
  return Object.values(place).some((part) => part !== undefined) ? place : undefined;
}

const field = (of: unknown, name: string): unknown =>
  typeof of === 'object' && of !== null ? (of as Readonly<Record<string, unknown>>)[name] : undefined;

const longestName = 80;

function namesOf(of: unknown): Names | undefined {
  const names = Object.entries(fileTags).flatMap(([language, tag]) => {
    const name = field(field(of, 'names'), tag);
    return typeof name === 'string' && name !== '' ? [[language, name.slice(0, longestName)]] : [];
  });
  return names.length === 0 ? undefined : Object.fromEntries(names);
}

function positionOf(of: unknown): Position | undefined {
  const [latitude, longitude] = [field(of, 'latitude'), field(of, 'longitude')];
  if (typeof latitude !== 'number' || typeof longitude !== 'number') return undefined;
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return undefined;
  const radius = field(of, 'accuracy_radius');
  return { latitude, longitude, radiusKm: typeof radius === 'number' && radius > 0 ? radius : 0 };
}
