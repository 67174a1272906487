export declare function committed(): string[];
