import { vi } from 'vitest';

// Files share a process, and one may have left the clock standing somewhere (test/protocol/kit/time.ts).
vi.useRealTimers();
