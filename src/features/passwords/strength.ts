import type { ZxcvbnFactory } from '@zxcvbn-ts/core';

/** How hard to guess: 0 at once, 1 a thousand guesses, 2 a million, 3 a hundred million, 4 ten thousand million. */
export type Score = 0 | 1 | 2 | 3 | 4;

/**
 * So much of a password is looked at: the work grows faster than the length, and whoever sends a long one would hold
 * up everybody (denial of service). What begins with enough is strong enough.
 */
const looked = 40;

let meter: Promise<ZxcvbnFactory> | undefined;

/** How hard to guess a password is for somebody who knows these words about its owner. Dictionaries are read when first used. */
export async function strengthOf(password: string, words: readonly string[]): Promise<Score> {
  meter ??= open();
  const text = Array.from(password.normalize('NFC').slice(0, 2 * looked))
    .slice(0, looked)
    .join('');
  return (await meter).check(text, [...words]).score;
}

async function open(): Promise<ZxcvbnFactory> {
  const [core, common, english] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
    import('@zxcvbn-ts/language-en'),
  ]);
  return new core.ZxcvbnFactory({
    dictionary: { ...common.dictionary, ...english.dictionary },
    graphs: common.adjacencyGraphs,
    maxLength: 2 * looked,
  });
}
