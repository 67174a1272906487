import { AppError } from '../foundation/errors.ts';

/** Why the server did not start, for the person at the terminal: the line with its remedy; a stack only when it is our fault. */
export function explainStart(error: unknown): string {
  if (error instanceof AppError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
