import { type DoctorFacts, examine, type Finding } from '../doctor-findings.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { writeResult } from './result.ts';

const marks: Readonly<Record<Finding['level'], string>> = { ok: 'ok     ', warning: 'WARNING', problem: 'PROBLEM' };

/** `postern doctor`: every finding with its remedy. Ends with 1 when there is a problem; warnings alone are 0. */
export async function doctor(io: CommandIo, facts: DoctorFacts): Promise<ExitCode> {
  const findings = examine(facts);
  const lines = findings.map(({ level, check, message, remedy }) => {
    const line = `${marks[level]}  ${check}: ${message}`;
    return remedy === undefined ? line : `${line}\n         → ${remedy}`;
  });
  writeResult(io, findings, lines.join('\n'));
  return findings.some(({ level }) => level === 'problem') ? 1 : 0;
}
