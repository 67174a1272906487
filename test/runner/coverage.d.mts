interface Position {
  readonly line?: number;
  readonly column?: number | null;
}

interface Place {
  readonly start: Position;
  readonly end: Position;
}

/** One file of an Istanbul coverage report. */
interface Known {
  readonly statementMap: Readonly<Record<string, Place>>;
  readonly s: Record<string, number>;
  readonly branchMap: Readonly<Record<string, { type: string; loc: Place; locations: readonly Place[] }>>;
  readonly b: Record<string, number[]>;
}

interface Script {
  readonly functions: readonly {
    readonly ranges: readonly { startOffset: number; endOffset: number; count: number }[];
  }[];
}

export declare function addScript(
  known: Known,
  script: Script,
  generated: { offsets: ReadonlyMap<string, number>; text: string },
): void;
