/** What tests take from the launcher. */
export declare const runtimeFlags: readonly string[];
export declare const runtimeEnvironment: Readonly<Record<string, string>>;
