import { readFileSync } from 'node:fs';
import type { CommandIo, ExitCode } from './io.ts';
import { noteWhatWaits } from './mfa-policy.ts';
import { warnOfMissingPkce } from './pkce-warning.ts';
import { warnOfDepartures } from './policy-warning.ts';
import { writeResult } from './result.ts';
import { checkSeed } from './seed-check.ts';
import { readSeedFile, type SeedFile, type SeedProblem } from './seed-file.ts';
import { type SeedApp, type SeedChange, seedTasks } from './seed-tasks.ts';

/** How many problems are told of at most. */
const shownProblems = 50;
/** The largest file that is read, in bytes. */
const longestSeed = 16 * 1024 * 1024;

export interface ApplyArgs {
  /** A path, or `-` for standard input. */
  readonly file: string;
  readonly dryRun: boolean;
  /** Whether passwords and client secrets of what exists already are set as well. */
  readonly resetCredentials: boolean;
}

/**
 * `postern apply -f FILE`: brings settings, resources, users and clients to what the file says. Each entry commits with
 * its audit event; a second run finds nothing to do. Nothing that is disabled, revoked or ended is opened again by it.
 */
export async function apply(io: CommandIo, app: SeedApp, args: ApplyArgs): Promise<ExitCode> {
  const text = readText(args.file);
  if (typeof text !== 'string') {
    io.err(`${args.file} ${text.problem}\n`);
    return 1;
  }
  const read = readSeedFile(text);
  if ('problems' in read) return refuse(io, args.file, read.problems);
  await Promise.all([app.settings, app.clients, app.providers, app.mfa.policies].map((room) => room.reload()));
  const problems = await checkSeed(app, read.file, args.resetCredentials);
  if (problems.length > 0) return refuse(io, args.file, problems);
  return takeSteps(io, app, read.file, args);
}

async function takeSteps(io: CommandIo, app: SeedApp, { seed }: SeedFile, args: ApplyArgs): Promise<ExitCode> {
  const changes: SeedChange[] = [];
  try {
    for (const task of seedTasks(app, seed, args.resetCredentials)) {
      const change = await (args.dryRun ? task.preview() : task.run());
      if (change !== undefined) changes.push(change);
    }
  } finally {
    // Also when one entry fails: those before it are stored, and a secret that was made is told only now.
    writeChanges(io, changes, args.dryRun);
    warnOfMissingPkce(io, app.clients.all());
    warnOfDepartures(io, app.settings);
    noteWhatWaits(io, seed.mfa_policies);
  }
  return 0;
}

function writeChanges(io: CommandIo, changes: readonly SeedChange[], dryRun: boolean): void {
  if (changes.length === 0) io.err('Nothing to do.\n');
  if (io.json || changes.length > 0) {
    writeResult(io, { dry_run: dryRun, changes }, changes.map((change) => inWords(change, dryRun)).join('\n'));
  }
}

function inWords({ kind, name, action, fields, client_secret: secret }: SeedChange, dryRun: boolean): string {
  const verb = dryRun ? `would ${action}` : `${action}d`;
  const what = kind === 'settings' ? 'settings' : `${kind} ${name}`;
  const list = fields.length === 0 ? '' : `: ${fields.join(', ')}`;
  return `${verb} ${what}${list}${secret === undefined ? '' : `\n  client_secret: ${secret}`}`;
}

function refuse(io: CommandIo, file: string, problems: readonly SeedProblem[]): ExitCode {
  for (const { line, path, message } of problems.slice(0, shownProblems)) {
    const place = line === undefined ? file : `${file}:${line}`;
    io.err(`${place}: ${path === '' ? '' : `${path} `}${message}\n`);
  }
  if (problems.length > shownProblems) io.err(`… and ${problems.length - shownProblems} more.\n`);
  io.err(`Nothing was changed: ${problems.length === 1 ? 'one problem' : `${problems.length} problems`} in ${file}.\n`);
  return 1;
}

/** The text of a seed, or what is wrong with the file. */
function readText(file: string): string | { readonly problem: string } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === '-' ? 0 : file);
  } catch {
    return { problem: 'cannot be read.' };
  }
  if (bytes.length > longestSeed) return { problem: 'is larger than 16 MiB. Apply it in parts.' };
  try {
    // Not leniently: what is no text would be stored as other characters than were meant.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { problem: 'is not UTF-8 text.' };
  }
}
