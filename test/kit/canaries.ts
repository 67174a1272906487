import { readFileSync } from 'node:fs';

/** A secret that is watched: it may be shown to whom it belongs, and nowhere else. */
export interface Canary {
  readonly kind: string;
  readonly value: string;
}

/** Somewhere a secret could end up: a log, a report, a database file. */
export interface Place {
  readonly name: string;
  readonly content: string | Buffer;
}

/** Secrets that are watched, as a test plants or meets them. */
export class Canaries {
  readonly #known = new Map<string, Canary>();

  /** Watches a secret. Throws for what is too short to be told from chance. */
  plant(kind: string, value: string | null | undefined): string {
    if (!value || value.length < 8) throw new Error(`no ${kind} to watch: ${String(value)}`);
    this.#known.set(value, { kind, value });
    return value;
  }

  kinds(): string[] {
    return [...new Set([...this.#known.values()].map(({ kind }) => kind))].toSorted();
  }

  /** Where which kinds are found, in whatever dress: as `kind in place (dress)`. `except` names kinds that belong there. */
  leaks(places: readonly Place[], except: readonly string[] = []): string[] {
    const watched = [...this.#known.values()].filter(({ kind }) => !except.includes(kind));
    const found = places.flatMap(({ name, content }) => {
      const text = typeof content === 'string' ? content : content.toString('latin1');
      const lower = text.toLowerCase();
      return watched.flatMap(({ kind, value }) =>
        dresses(value)
          .filter(([, worn, anyCase]) => (anyCase ? lower : text).includes(worn))
          .map(([dress]) => `${kind} in ${name} (${dress})`),
      );
    });
    return [...new Set(found)].toSorted();
  }
}

/** The ways in which a secret is written down: name, text, and whether its letters may be of either case. */
function dresses(value: string): [string, string, boolean][] {
  const bytes = Buffer.from(value);
  const forms: [string, string, boolean][] = [
    ['plain', value, false],
    ['in a URL', encodeURIComponent(value), false],
    ['in a form', new URLSearchParams({ '': value }).toString().slice(1), false],
    ['in JSON', JSON.stringify(value).slice(1, -1), false],
    ['hex', bytes.toString('hex'), true],
    // Whatever stands before it shifts base64 by 0, 1 or 2 bytes; the characters at the ends depend on the neighbours.
    ...[0, 1, 2].map((shift): [string, string, boolean] => [`base64, shifted by ${shift}`, inner(bytes, shift), false]),
  ];
  return forms.filter(
    ([dress, worn], index) => dress === 'plain' || forms.findIndex(([, other]) => other === worn) === index,
  );
}

function inner(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replaceAll('=', '');
  return text.slice(shift === 0 ? 0 : shift + 1, -1);
}

/** The bytes of a file, whatever it is; empty when there is none. */
export function fileAsPlace(name: string, path: string): Place {
  try {
    return { name, content: readFileSync(path) };
  } catch {
    return { name, content: '' };
  }
}
