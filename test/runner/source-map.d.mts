export declare function offsetsBySource(map: { mappings: string }, generated: string): Map<string, number>;
