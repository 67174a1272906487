import { once } from 'node:events';
import { dirname } from 'node:path';
import pino, { type LogFn } from 'pino';
import type { RollingFile } from 'pino-roll';
import { makeFolder } from '../config/data-dir.ts';
import type { LogLevel } from '../config/values.ts';
import { observeError } from './errors.ts';
import { createOutputWriter } from './output-writer.ts';
import { redact, redactPlain } from './redact.ts';

/** Writes lines for operators. No call throws or waits, whatever becomes of the disk behind it. */
export interface Log {
  readonly trace: LogFn;
  readonly debug: LogFn;
  readonly info: LogFn;
  readonly warn: LogFn;
  readonly error: LogFn;
  readonly fatal: LogFn;
  /** Changes from the next line on which lines are written. */
  setLevel(level: LogLevel): void;
  /** Writes what is still in memory, as far as it can be, and closes the file. */
  close(): Promise<void>;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** A file, rotated by size and by day; otherwise standard output. */
  readonly file?: string | undefined;
  /** Told at most once a minute that lines are lost; by default on standard error. */
  readonly onTrouble?: (message: string) => void;
}

/** The fields of a line, for the reference. Anything else that a line carries is particular to its message. */
export const logFields: Readonly<Record<string, string>> = {
  level: '`trace`, `debug`, `info`, `warn`, `error` or `fatal`',
  time: 'when, in ISO 8601 and UTC',
  msg: 'what happened; the same words for the same thing',
  request_id: 'the `X-Request-Id` of the answer, and the `request_id` of its audit events',
  method: 'the method of the request',
  route: 'the pattern that answered, never the address, which may carry a code',
  status: 'the status of the answer',
  duration_ms: 'how long the answer took, in milliseconds',
  client: 'the `client_id` of the caller, where one is known',
  ip: 'the address of the caller',
  err: 'an error: `type`, `code`, `status`, `message`, `stack`, `cause`',
};

/** What one file holds before the next is begun, and how many former ones stay. */
const rotation = { size: '50m', frequency: 'daily', limit: { count: 14, removeOtherLogFiles: true } } as const;

/** Bytes that may wait for a slow or full disk; what comes then is lost, so that memory is not. */
const waitingLimit = 4 * 1024 * 1024;

/** Where lines go. */
interface Destination {
  write(line: string): void;
  close(): Promise<void>;
}

/** Opens the log. Throws `log_unusable` when the file cannot be opened. */
export async function createLog({ level, file, onTrouble = tellOperator }: LogOptions): Promise<Log> {
  const tell = atMostOnceAMinute(onTrouble);
  const onLost = (reason: string) => tell(`Log lines are being lost: ${reason}.`);
  const destination = file === undefined ? standardOutput(onLost) : await rollingFile(file, onLost);
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: (error: unknown) => error },
    formatters: { level: (label: string) => ({ level: label }), log: redact },
  };
  const logger = pino(options, destination);
  const at = (name: LogLevel): LogFn =>
    ((...line: Parameters<LogFn>) => {
      const plain = logger.isLevelEnabled(name) ? plainLine(name, line) : undefined;
      // Looked up for each line: pino exchanges its methods when the level changes.
      if (plain === undefined) logger[name](...line);
      else destination.write(plain);
    }) as LogFn;
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    setLevel(next) {
      logger.level = next;
    },
    close: () => destination.close(),
  };
}

/**
 * The line as pino would write it, for flat fields and a message without placeholders: that of a request, mostly, which
 * pino would take five times as long for. Undefined for everything else.
 */
function plainLine(level: LogLevel, [fields, message, ...more]: readonly unknown[]): string | undefined {
  if (!isPlainObject(fields) || typeof message !== 'string' || more.length > 0) return undefined;
  let line = `{"level":"${level}"${pino.stdTimeFunctions.isoTime()}`;
  for (const name in fields) {
    const value = redactPlain(name, fields[name]);
    if (value === undefined) continue;
    if (typeof value === 'object') return undefined;
    line += `,${JSON.stringify(name)}:${JSON.stringify(value)}`;
  }
  return `${line},"msg":${JSON.stringify(message)}}\n`;
}

const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;

function standardOutput(onLost: (reason: string) => void): Destination {
  const writer = createOutputWriter({ descriptor: 1, limit: waitingLimit, onLost });
  process.once('exit', () => writer.flushOnce());
  return writer;
}

async function rollingFile(file: string, onLost: (reason: string) => void): Promise<Destination> {
  try {
    makeFolder(dirname(file));
    const options = { file, ...rotation, sync: false, maxLength: waitingLimit, mode: 0o640 };
    // Only where a file is asked for: it brings a library of dates along, which is slow to load.
    const { default: buildRollingFile } = await import('pino-roll');
    const rolling = await buildRollingFile(options);
    await once(rolling, 'ready');
    // Without a listener an 'error' would end the process: a full disk must not stop anybody from signing in.
    rolling.on('error', (error: Error) => onLost(error.message));
    rolling.on('drop', () => onLost('the disk takes them slower than they come'));
    return {
      write(line) {
        if (!rolling.destroyed) rolling.write(line);
      },
      close: () => closeRolling(rolling),
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = `The log file ${file} cannot be opened (${code}). Name one in a folder that this user can write to with POSTERN_LOG__FILE.`;
    throw observeError('log_unusable', message, error);
  }
}

const closeLimit = 1000;

/** A disk that takes nothing must not keep the process from ending either. */
async function closeRolling(rolling: RollingFile): Promise<void> {
  if (rolling.destroyed) return;
  const closed = once(rolling, 'close', { signal: AbortSignal.timeout(closeLimit) });
  rolling.end();
  await closed.catch(() => rolling.destroy());
}

function atMostOnceAMinute(tell: (message: string) => void): (message: string) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (message) => {
    const now = performance.now();
    if (now - last < 60_000) return;
    last = now;
    tell(message);
  };
}

const tellOperator = (message: string): void => {
  process.stderr.write(`${message}\n`);
};

/** The reference of the fields of a log line as a Markdown table. */
export function logReference(): string {
  const rows = Object.entries(logFields).map(([field, meaning]) => `| \`${field}\` | ${meaning} |`);
  return ['| Field | What it is |', '| --- | --- |', ...rows, ''].join('\n');
}
