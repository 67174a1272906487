/** What tests take from the launcher. */
export declare const runtimeFlags: readonly string[];
