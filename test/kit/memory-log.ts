import type { Log } from '../../src/foundation/observe/log.ts';

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A log that tests can read. */
export interface MemoryLog extends Log {
  readonly lines: readonly LogLine[];
}

export function memoryLog(): MemoryLog {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: unknown, message?: string) => {
    lines.push({ level, fields: fields as LogLine['fields'], message: message ?? String(fields) });
  };
  const log = {
    lines,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    setLevel: () => {},
    close: async () => {},
  };
  return log as unknown as MemoryLog;
}
