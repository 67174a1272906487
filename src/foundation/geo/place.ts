/** What a town or region is called, by language tag as the pages have them. */
export type Names = Readonly<Record<string, string>>;

/** Where an address is, as far as the operator's file knows. */
export interface Place {
  /** ISO 3166-1 alpha-2. */
  readonly country?: string | undefined;
  readonly region?: Names | undefined;
  readonly city?: Names | undefined;
  /** In degrees. */
  readonly position?: Position | undefined;
}

/** A point on the earth in degrees, and by how many kilometres it may be off. */
export interface Position {
  readonly latitude: number;
  readonly longitude: number;
  readonly radiusKm: number;
}

/** A place in words, such as "Lyon, Auvergne-Rhône-Alpes, France"; undefined where it has no name. */
export function placeInWords(place: Place | undefined, language: string): string | undefined {
  if (place === undefined) return undefined;
  const country = place.country && new Intl.DisplayNames(language, { type: 'region' }).of(place.country);
  const named = [nameIn(place.city, language), nameIn(place.region, language), country];
  // A city that is its own region is said once.
  const words = [...new Set(named.filter((name) => name !== undefined && name !== ''))] as string[];
  return words.length === 0 ? undefined : words.join(separators[language] ?? ', ');
}

/** What stands between the parts of an address; lists of `Intl` would say "and". */
const separators: Readonly<Record<string, string>> = { ar: '، ', ja: '、', 'zh-Hans': '，' };

const nameIn = (names: Names | undefined, language: string): string | undefined =>
  names?.[language] ?? names?.[language.split('-')[0] ?? language] ?? names?.['en'];

const earthRadiusKm = 6371;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** The distance over the ground in kilometres, by the haversine. */
export function distanceKm(one: Position, other: Position): number {
  const [phi1, phi2] = [radians(one.latitude), radians(other.latitude)];
  const halfTurn = (angle: number): number => Math.sin(angle / 2) ** 2;
  const chord =
    halfTurn(phi2 - phi1) + Math.cos(phi1) * Math.cos(phi2) * halfTurn(radians(other.longitude - one.longitude));
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(chord)));
}
