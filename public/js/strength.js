/**
 * Says how hard a new password is to guess while it is typed: the same library, dictionaries and words that the server
 * judges by, so that both say the same. Nothing leaves the browser before the form is sent; to have the server score
 * what is being typed would hand it every password that somebody thought better of.
 *
 * The dictionaries are 0.8 MB even when packed, so they are loaded when somebody first comes to the field, and never
 * where the browser was told to save data. A smaller set would call passwords strong that the server then refuses.
 * Without this script, or until they are there, the page stays as it is and the server's verdict comes with the answer.
 */

const looked = 40;
const shortestWord = 4;
const pauseMs = 150;

const bare = (text) =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, '');

/** As `wordsOf` of the server makes them: of what is known of the person, and of what they have typed as their address. */
function wordsOf(known, typed) {
  const parts = [
    typed,
    ...typed
      .normalize('NFKC')
      .toLowerCase()
      .split(/[^\p{L}\p{M}\p{N}]+/u),
  ].map(bare);
  const words = [...known, ...parts].filter((word) => word.length >= shortestWord);
  return [...new Set(words)].sort((one, other) => other.length - one.length);
}

function load(src) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = src;
    script.addEventListener('load', resolve);
    script.addEventListener('error', reject);
    document.head.append(script);
  });
}

let opened;

async function open(parts) {
  for (const part of parts) await load(part);
  const { core, 'language-common': common, 'language-en': english } = globalThis.zxcvbnts;
  return new core.ZxcvbnFactory({
    dictionary: { ...common.dictionary, ...english.dictionary },
    graphs: common.adjacencyGraphs,
    maxLength: 2 * looked,
  });
}

const scoreOf = (factory, password, words) => {
  const text = Array.from(password.normalize('NFC').slice(0, 2 * looked))
    .slice(0, looked)
    .join('');
  return factory.check(text, words).score;
};

function meet(box) {
  const field = document.getElementById(box.dataset.strength);
  const [bar, line] = [box.querySelector('meter'), box.querySelector('p')];
  const says = JSON.parse(box.dataset.says);
  const known = JSON.parse(box.dataset.words);
  const least = Number(box.dataset.least);
  const address = field.form.querySelector('input[autocomplete=username]');
  let timer;

  function show(factory) {
    const password = field.value;
    box.hidden = password === '';
    if (box.hidden) {
      line.textContent = '';
      return;
    }
    const isShort = Array.from(password.normalize('NFC')).length < field.minLength;
    const score = scoreOf(factory, password, wordsOf(known, address?.value ?? ''));
    // What is too short is refused, however hard to guess its characters are.
    bar.value = isShort ? Math.min(score + 1, 2) : score + 1;
    const verdict = isShort ? says[5] : score < least ? `${says[score]} ${says[6]}` : says[score];
    if (line.textContent !== verdict) line.textContent = verdict;
    box.dataset.score = String(score);
  }

  async function follow() {
    opened ??= open(JSON.parse(box.dataset.parts));
    const factory = await opened;
    clearTimeout(timer);
    timer = setTimeout(() => show(factory), pauseMs);
  }

  // It only helps: where the dictionaries do not come, nobody needs to hear of it.
  const quietly = () => follow().catch(() => {});
  field.addEventListener('focus', quietly);
  field.addEventListener('input', quietly);
  address?.addEventListener('input', () => opened && quietly());
  if (document.activeElement === field) quietly();
}

if (!navigator.connection?.saveData) {
  for (const box of document.querySelectorAll('[data-strength]')) meet(box);
}
