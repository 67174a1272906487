export function canRunV3(cpuinfo: string): boolean;
