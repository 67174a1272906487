/** The part of pino-roll 4 that the log uses; the package brings no types. */
declare module 'pino-roll' {
  import type { EventEmitter } from 'node:events';

  export interface RollingFile extends EventEmitter {
    readonly destroyed: boolean;
    write(line: string): void;
    end(): void;
    destroy(): void;
  }

  export default function buildRollingFile(options: Readonly<Record<string, unknown>>): Promise<RollingFile>;
}
