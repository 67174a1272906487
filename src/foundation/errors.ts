/** What a person may be told about one field of a form or body. */
export type FieldErrors = Readonly<Record<string, string>>;

export interface AppErrorOptions {
  /** Messages by field name, for forms and problem documents. */
  readonly fields?: FieldErrors;
  /** Which of several reasons the code stands for, for pages that have words of their own for each. */
  readonly reason?: string;
  /** Seconds after which a retry makes sense; becomes `Retry-After`. */
  readonly retryAfter?: number;
  /** What operators need; never shown to people or programs. */
  readonly cause?: unknown;
}

/**
 * The one error class of the house. The code is for programs, the message for people, the cause for operators;
 * none leaks into another. Use cases throw it, one place maps it to HTTP.
 */
export class AppError<Code extends string = string> extends Error {
  readonly code: Code;
  /** HTTP status. */
  readonly status: number;
  readonly fields: FieldErrors | undefined;
  readonly reason: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: Code, status: number, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.status = status;
    this.fields = options.fields;
    this.reason = options.reason;
    this.retryAfter = options.retryAfter;
  }
}
