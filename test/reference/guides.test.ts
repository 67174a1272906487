import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { errors as protocolErrors } from 'oidc-provider';
import { describe, expect, it } from 'vitest';
import { readSeedFile } from '../../src/app/commands/seed-file.ts';
import { eventTypes } from '../../src/features/audit/module.ts';
import { losses } from '../../src/features/protocol/module.ts';
import { configKeys, configSettings } from '../../src/foundation/config/schema.ts';
import { code, files, readCommitted } from '../architecture/source.ts';
import { committed } from '../checks/committed.mjs';
import { program } from './command-page.ts';
import { settingRules } from './schema-pages.ts';

const project = join(import.meta.dirname, '../..');
const guides = committed().filter((file) => file.endsWith('.md'));

/** What stands in a list of codes or behind `new AppError(`, over all of src. */
function ownCodes(): Set<string> {
  const found = new Set<string>();
  for (const file of files) {
    const text = code(file);
    for (const [, type = ''] of text.matchAll(/export type \w+ErrorCode =([^;]*);/g)) {
      for (const [, name = ''] of type.matchAll(/'([a-z_]+)'/g)) found.add(name);
    }
    const made = /(?:new AppError|startError|storeError|observeError)\(\s*'([a-z_]+)'|\bcode: '([a-z]+_[a-z_]+)'/g;
    for (const [, one, other] of text.matchAll(made)) found.add(one ?? other ?? '');
  }
  for (const { error } of Object.values(losses)) found.add(error);
  return found;
}

/** Of capabilities that are not built: the library has them, Postern never answers them. */
const notBuilt = new Set(
  `credential_request_denied expired_login_hint_token
  invalid_client_attestation invalid_credential_request invalid_nonce invalid_proof
  request_not_supported invalid_software_statement invalid_user_code missing_user_code transaction_failed
  unapproved_software_statement unknown_credential_configuration unknown_credential_identifier
  use_attestation_challenge use_fresh_attestation`.split(/\s+/),
);

/** The protocol's codes, from the library's own classes. */
function protocolCodes(): Set<string> {
  const classes = Object.values(protocolErrors) as unknown as (new (
    one: string,
    other: string,
  ) => { error?: string })[];
  const codes = classes.map((Class) => new Class('x', 'y').error ?? '');
  return new Set(codes.filter((name) => /^[a-z]+_[a-z_]+$/.test(name) && !notBuilt.has(name)));
}

/** The first word of each row of a table of codes. */
const explained = new Set(
  [...readCommitted('docs/errors.md').matchAll(/^\| ((?:`[a-z_]+`(?:, )?)+) \|/gm)].flatMap(([, cell = '']) =>
    cell.replaceAll('`', '').split(', '),
  ),
);

describe('the page of errors', () => {
  it('explains every code of ours', () => {
    expect([...ownCodes()].filter((name) => !explained.has(name))).toEqual([]);
  });

  it('explains every code of the protocol that can be answered', () => {
    expect([...protocolCodes()].filter((name) => !explained.has(name))).toEqual([]);
  });

  it('explains none that does not exist', () => {
    const known = new Set([...ownCodes(), ...protocolCodes(), 'server_error', 'invalid_request']);
    expect([...explained].filter((name) => !known.has(name))).toEqual([]);
  });
});

/** Headings as the anchors that links use. */
const anchors = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );

/** Why a link leads nowhere, or undefined. */
function brokenLink(file: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? file : join(dirname(file), path);
  if (!existsSync(join(project, target))) return `${file}: ${link}`;
  const missing = anchor !== undefined && !anchors(readCommitted(target)).has(anchor);
  return missing ? `${file}: ${link} (no such heading)` : undefined;
}

/** Words of a command line up to its options, as long as they name commands. Undefined where a word names none. */
function commandOf(words: readonly string[]): Command | undefined {
  let command: Command = program;
  for (const word of words) {
    if (command.commands.length === 0) break;
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) return undefined;
    command = next;
  }
  return command;
}

function commandProblem(line: string): string | undefined {
  const words = line.split(/\s+/);
  const command = commandOf(words.filter((word) => !word.startsWith('-')));
  if (command === undefined) return 'no such command';
  const known = new Set(command.options.flatMap(({ long, short }) => [long, short]));
  const strange = words.filter((word) => /^--?[a-z]/.test(word) && !known.has(word));
  return strange.length === 0 ? undefined : `no such option: ${strange.join(' ')}`;
}

describe('the guides', () => {
  it('link to what exists', () => {
    const broken = guides.flatMap((file) =>
      [...readCommitted(file).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => brokenLink(file, link) ?? []),
    );
    expect(broken).toEqual([]);
  });

  it('name only variables that Postern reads', () => {
    const variables = new Set(
      configKeys.flatMap((key) => [configSettings[key].variable, `${configSettings[key].variable}_FILE`]),
    );
    const strange = guides.flatMap((file) =>
      [...readCommitted(file).matchAll(/\bPOSTERN_[A-Z_]+\b/g)]
        .map(([name]) => name)
        .filter((name) => !variables.has(name) && name !== 'POSTERN_CONFIG' && !name.startsWith('POSTERN_TEST_'))
        .map((name) => `${file}: ${name}`),
    );
    expect(strange).toEqual([]);
  });

  it('name only settings that exist', () => {
    const settings = settingRules().map(([name]) => name);
    const sections = new Set(settings.map((name) => name.split('.')[0] ?? ''));
    // Event types look the same.
    const known = new Set([...settings, ...Object.keys(eventTypes)]);
    const strange = guides.flatMap((file) =>
      [...readCommitted(file).matchAll(/`((\w+)\.[A-Za-z.]+)`/g)]
        .filter(([, name = '', section = '']) => sections.has(section) && !known.has(name))
        .map(([, name = '']) => `${file}: ${name}`),
    );
    expect(strange).toEqual([]);
  });

  it('show seed files that apply as they stand', () => {
    const shown = guides.flatMap((file) =>
      [...readCommitted(file).matchAll(/```yaml\n([\s\S]*?)```/g)]
        .filter(([, text = '']) => /^(settings|users|resources|clients):/m.test(text))
        .map(([, text = '']) => ({ file, read: readSeedFile(text) })),
    );
    expect(shown.filter(({ read }) => 'problems' in read)).toEqual([]);
    expect(shown.length).toBeGreaterThan(2);
  });

  it('show only commands and options that exist', () => {
    const shown = guides.flatMap((file) =>
      [...readCommitted(file).matchAll(/(?:`|npx )postern ((?:[a-z]|-)[^`#\n|<…]*)/g)].map(([, line = '']) => ({
        file,
        line: line.trim(),
      })),
    );
    const wrong = shown.flatMap(({ file, line }) => {
      const problem = commandProblem(line);
      return problem === undefined ? [] : [`${file}: postern ${line}: ${problem}`];
    });
    expect(wrong).toEqual([]);
    expect(shown.length).toBeGreaterThan(20);
  });
});
