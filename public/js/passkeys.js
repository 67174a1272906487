/**
 * Lets the passkey forms of a page speak to the browser (WebAuthn). Each form carries its options and a sealed
 * challenge; what the browser answers goes into its field, and the form is sent like any other. Without this script, or
 * where the browser knows no passkeys, the forms stay hidden and the page says what is needed.
 */

const forms = [...document.querySelectorAll('form[data-passkey]')];
/** An address is no host that a passkey could be bound to. */
const isAddress = /^[\d.]+$|^\[/.test(location.hostname);
const isAble = 'PublicKeyCredential' in window && navigator.credentials !== undefined && !isAddress;

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));

const text = (buffer) =>
  btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(''))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

const named = (list = []) => list.map((one) => ({ ...one, id: bytes(one.id) }));

/** The form's options as browsers take them. Written out, as not every browser has `parseRequestOptionsFromJSON` yet. */
function optionsOf(form) {
  const options = JSON.parse(form.dataset.options);
  const publicKey = { ...options, challenge: bytes(options.challenge) };
  if (options.allowCredentials) publicKey.allowCredentials = named(options.allowCredentials);
  if (options.excludeCredentials) publicKey.excludeCredentials = named(options.excludeCredentials);
  if (options.user) publicKey.user = { ...options.user, id: bytes(options.user.id) };
  return publicKey;
}

/** What the browser answered, as JSON. */
function answerOf({ id, rawId, type, response }) {
  const fields = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ['attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (response[name]) fields[name] = text(response[name]);
  }
  if (response.getTransports) fields.transports = response.getTransports();
  return JSON.stringify({ id, rawId: text(rawId), type, response: fields });
}

async function send(form, more) {
  const options = { publicKey: optionsOf(form), ...more };
  const { credentials } = navigator;
  const credential = await (form.dataset.passkey === 'create' ? credentials.create(options) : credentials.get(options));
  form.elements.credential.value = answerOf(credential);
  form.submit();
}

/** Offers passkeys among the names that the browser fills in; whoever presses a button ends that. */
const offer = new AbortController();

async function offerIn(form) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  // Nobody asked for it: nobody is told when it comes to nothing.
  await send(form, { mediation: 'conditional', signal: offer.signal }).catch(() => {});
}

async function press(event, form) {
  event.preventDefault();
  const button = form.querySelector('button[type=submit]');
  const problem = form.querySelector('[data-problem]');
  offer.abort();
  button.disabled = true;
  problem.hidden = true;
  try {
    await send(form);
  } catch {
    // Browsers do not tell why: the person broke off, was too slow, or has no such key.
    problem.hidden = false;
    button.disabled = false;
    button.focus();
  }
}

if (isAble) {
  for (const form of forms) {
    form.hidden = false;
    form.addEventListener('submit', (event) => press(event, form));
  }
  const first = forms.find((form) => 'conditional' in form.dataset);
  if (first) offerIn(first);
} else {
  for (const hint of document.querySelectorAll('[data-passkey-unable]')) hint.hidden = false;
}
