let list: Promise<ReadonlySet<string>> | undefined;

/** Shorter ones are refused for their length already. */
const shortest = 8;

/**
 * Whether a password is among those that most people choose: the whole of it, in whatever case (NIST SP 800-63B-4
 * §3.1.1.2). The list is read when the first one is asked for: a server at rest need not hold it.
 */
export async function isCommon(password: string): Promise<boolean> {
  list ??= read();
  return (await list).has(password.normalize('NFC').toLowerCase());
}

async function read(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  return new Set(dictionary['passwords-common'].filter(({ length }) => length >= shortest));
}
