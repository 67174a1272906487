import { byOperator } from '../../features/audit/module.ts';
import { isForEncryption, type RotationReport, type SigningKeys } from '../../features/signing-keys/module.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { isoTime, table, writeResult } from './result.ts';

/** What the key commands need. */
export interface KeyCommandApp {
  readonly signingKeys: SigningKeys;
}

/** `postern keys list` */
export async function keyList(io: CommandIo, { signingKeys }: KeyCommandApp): Promise<ExitCode> {
  await signingKeys.reload();
  const keys = signingKeys.list().map(({ kid, alg, state }) => ({ kid, alg, state }));
  writeResult(io, keys, table([['KID', 'ALG', 'STATE'], ...keys.map(({ kid, alg, state }) => [kid, alg, state])]));
  return 0;
}

/** `postern keys rotate [--compromised KID]` */
export async function keyRotate(
  io: CommandIo,
  { signingKeys }: KeyCommandApp,
  args: { readonly compromised?: string | undefined },
): Promise<ExitCode> {
  if (args.compromised !== undefined) return removeCompromised(io, signingKeys, args.compromised);
  const { rotated, waiting } = await signingKeys.rotate(byOperator);
  const lines = [
    ...rotated.map(takenOver),
    ...waiting.map(({ alg, kid, at }) => `${alg}: ${kid} is published and takes over at ${isoTime(at)}.`),
  ];
  const published = waiting.map(({ alg, kid, at }) => ({ alg, kid, takes_over_at: isoTime(at) }));
  writeResult(io, { rotated, waiting: published }, lines.join('\n'));
  return 0;
}

const takenOver = ({ alg, from, to }: RotationReport['rotated'][number]): string =>
  isForEncryption(alg)
    ? `${alg}: apps encrypt to ${to} now; what is encrypted to ${from} is still read.`
    : `${alg}: ${to} signs now; ${from} stays published until what it signed has expired.`;

async function removeCompromised(io: CommandIo, signingKeys: SigningKeys, kid: string): Promise<ExitCode> {
  const report = await signingKeys.compromise(kid, byOperator);
  const does = isForEncryption(report.alg) ? 'is encrypted to' : 'signs';
  const replaced = report.replacement === undefined ? '' : ` ${report.replacement} ${does} instead.`;
  writeResult(
    io,
    report,
    [`${kid} (${report.alg}, ${report.state}) is removed.${replaced}`, ...report.stops].join('\n'),
  );
  return 0;
}
