import { describe, expect, it } from 'vitest';
import { argon2Build, describeArgon2Build } from './argon2-build.ts';

describe('the build of argon2', () => {
  it('is read from the file that this process loaded', () => {
    expect(argon2Build().file).toMatch(/argon2.*\.node$/);
  });

  it('is compiled or portable by where the file lies', () => {
    const compiled = argon2Build(['/x/koa.js', '/x/argon2/argon2.cjs', '/x/argon2/build/Release/argon2.node']);
    expect(compiled).toEqual({ kind: 'compiled', file: '/x/argon2/build/Release/argon2.node' });
    const portable = argon2Build(['/x/argon2/prebuilds/linux-x64/argon2.glibc.node']);
    expect(portable.kind).toBe('portable');
    expect(argon2Build([])).toEqual({ kind: 'portable', file: 'unknown' });
  });

  it('is told in one line', () => {
    expect(describeArgon2Build({ kind: 'compiled', file: 'x' })).toContain('compiled for this CPU');
    expect(describeArgon2Build({ kind: 'portable', file: 'x' })).toContain('portable');
  });
});
